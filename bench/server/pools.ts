import knex, { type Knex } from 'knex'

export const POOL_SIZE = 10

/** Where the server is: as an ordinary user, and as one who sees everybody's connections. */
export interface Address {
  readonly url: string
  readonly adminUrl: string
}

/** The name is what the server calls the connections. */
export function bareKnex({ url }: Address, name: string): Knex {
  return knex({
    client: 'pg',
    connection: { connectionString: url, application_name: name },
    pool: { min: 0, max: POOL_SIZE },
  })
}

/** Opens every connection that the pool may have, all at once. */
export async function fillPool(db: Knex): Promise<void> {
  await Promise.all(Array.from({ length: POOL_SIZE }, () => db.raw('select pg_sleep(0.05)')))
}
