import type { PoolKeeper } from '@poolkeeper/core'
import { keeperOf as keeperOfDrizzle, withPoolPolicy as withDrizzlePolicy } from '@poolkeeper/drizzle/node-postgres'
import { keeperOf as keeperOfKnex, withPoolPolicy as withKnexPolicy } from '@poolkeeper/knex'
import { applyPoolPolicy } from '@poolkeeper/pg'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import knex from 'knex'
import pg from 'pg'
import type { Backend, PostgresServer } from '../harness/postgres.ts'
import { silent } from '../hosts/knex-harness.ts'

/** One pool of an application. */
export interface LoadedPool {
  /** What it is called, by us and by the server. */
  readonly name: string
  readonly max: number
  readonly keeper: PoolKeeper
  query(): Promise<unknown>
  /** Holds a connection in a transaction until the returned function is called. */
  hold(): Promise<() => Promise<void>>
  end(): Promise<unknown>
}

export type ServerView = Readonly<Record<'idle' | 'used' | 'open', number>>

const MAX = 3

/** The same application on a Knex pool, a pool below Drizzle, and a bare one of pg. */
export function loadedPools(server: PostgresServer, run: string): LoadedPool[] {
  return [knexPool(server, `${run} knex`), drizzlePool(server, `${run} drizzle`), pgPool(server, `${run} pg`)]
}

function settings({ host, port, user, database }: PostgresServer, name: string): pg.PoolConfig {
  return { host, port, user, database, application_name: name, max: MAX }
}

export function knexPool(server: PostgresServer, name: string): LoadedPool {
  const { max, ...connection } = settings(server, name)
  const config = silent({ client: 'pg', connection: connection as knex.Knex.PgConnectionConfig, pool: { min: 0, max: MAX } })
  const db = knex(withKnexPolicy(config, { name }))
  return {
    name,
    max: max ?? MAX,
    keeper: keeperOfKnex(db),
    // Both are lazy: nothing happens before somebody awaits them.
    query: async () => void (await db.raw('select 1')),
    async hold() {
      const transaction = await db.transaction()
      await transaction.raw('select 1')
      return async () => void (await transaction.rollback())
    },
    end: () => db.destroy(),
  }
}

export function drizzlePool(server: PostgresServer, name: string): LoadedPool {
  const db = drizzle(withDrizzlePolicy({ connection: settings(server, name) }, { name }))
  return {
    name,
    max: MAX,
    keeper: keeperOfDrizzle(db),
    query: async () => void (await db.execute(sql`select 1`)),
    hold: () => holdClient(db.$client),
    end: () => db.$client.end(),
  }
}

function pgPool(server: PostgresServer, name: string): LoadedPool {
  const pool = new pg.Pool(settings(server, name))
  return {
    name,
    max: MAX,
    keeper: applyPoolPolicy(pool, { name }),
    query: () => pool.query('select 1'),
    hold: () => holdClient(pool),
    end: () => pool.end(),
  }
}

async function holdClient(pool: pg.Pool): Promise<() => Promise<void>> {
  const client = await pool.connect()
  await client.query('begin')
  return async () => {
    await client.query('rollback')
    client.release()
  }
}

/** As `pg_stat_activity` has it: a connection in a transaction is in use. */
export async function serverView(server: PostgresServer, { name }: LoadedPool): Promise<ServerView> {
  const backends = await server.connections({ applicationName: name })
  const count = (is: (state: string) => boolean): number => backends.filter(({ state }: Backend) => is(state)).length
  return { open: backends.length, idle: count((state) => state === 'idle'), used: count((state) => state.includes('transaction')) }
}
