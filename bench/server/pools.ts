import knex, { type Knex } from 'knex'
import { startPostgres, type PostgresServer } from '../../test-integration/harness/postgres.ts'

export const POOL_SIZE = 10

/** A PostgreSQL for as long as `use` runs: that of `POSTGRES_URL`, or one of our own on loopback. */
export async function withPostgres<T>(use: (server: PostgresServer) => Promise<T>): Promise<T> {
  const server = await startPostgres()
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

/** The name is what the server calls its connections. */
export function configOf(server: PostgresServer, name: string): Knex.Config {
  return {
    client: 'pg',
    connection: { connectionString: server.url, application_name: name },
    pool: { min: 0, max: POOL_SIZE },
  }
}

export function bareKnex(server: PostgresServer, name: string): Knex {
  return knex(configOf(server, name))
}

/** Opens every connection that the pool may have, all at once. */
export async function fillPool(db: Knex): Promise<void> {
  await Promise.all(Array.from({ length: POOL_SIZE }, () => db.raw('select pg_sleep(0.05)')))
}
