import { postgresHistory, type PostgresHistoryClient } from '@poolkeeper/core/history'
import { applyPoolPolicy } from '@poolkeeper/pg'
import { drizzle } from 'drizzle-orm/node-postgres'
import knex from 'knex'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'

const address = requireServer('postgres')

address.describe('A history in PostgreSQL', () => {
  let server: PostgresServer
  let tables = 0

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  /** Its own for each test, and gone after it. */
  function newTable(): string {
    const table = `history_${process.pid}_${++tables}`
    onTestFinished(async () => void (await server.admin.query(`drop table if exists public."${table}"`)))
    return table
  }

  function newPool(options: pg.PoolConfig = {}): pg.Pool {
    const pool = new pg.Pool({ connectionString: server.url, max: 4, ...options })
    onTestFinished(async () => {
      if (!pool.ending) await pool.end()
    })
    return pool
  }

  const clients: readonly (readonly [string, () => Promise<PostgresHistoryClient>])[] = [
    ['a pool of pg', async () => newPool()],
    ['a client of pg', async () => {
      const client = new pg.Client(server.url)
      onTestFinished(() => client.end())
      await client.connect()
      return client
    }],
    ['Knex', async () => {
      const db = knex({ client: 'pg', connection: server.url, pool: { min: 0, max: 2 } })
      onTestFinished(() => db.destroy())
      return db
    }],
    ['postgres.js', async () => {
      const sql = postgres(server.url, { max: 2, onnotice: () => {} })
      onTestFinished(() => sql.end())
      return sql
    }],
    ['what a Drizzle database has below it', async () => drizzle({ client: newPool() }).$client],
  ]

  test.each(clients)('through %s', async (_, open) => {
    const history = postgresHistory(await open(), { table: `public.${newTable()}`, key: 'it’s' })
    expect(await history.load()).toBeUndefined()
    for (const document of ['{"größe":1}', '{"größe":2}']) await history.save(document)
    expect(await history.load()).toBe('{"größe":2}')
  })

  test('whose table several make at the same moment loses nothing', async () => {
    const pool = newPool({ max: 6 })
    const table = newTable()
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    await Promise.all(keys.map((key) => postgresHistory(pool, { table, key }).save(`document of ${key}`)))
    const loaded = await Promise.all(keys.map((key) => postgresHistory(pool, { table, key }).load()))
    expect(loaded).toEqual(keys.map((key) => `document of ${key}`))
  })

  test('through the very pool that is sized waits for a connection as everybody does, and leaves as everybody does', async () => {
    const pool = newPool({ max: 1 })
    const keeper = applyPoolPolicy(pool, { max: 1, drainTimeoutMillis: 10_000, sizing: { adaptive: true } })
    const history = postgresHistory(pool, { table: newTable() })
    const holder = await pool.connect()
    const saved = history.save('one')
    await vi.waitUntil(() => keeper.stats().pending === 1)
    holder.release()
    await saved
    expect(await history.load()).toBe('one')

    const last = await pool.connect()
    const refused = expect(history.save('two')).rejects.toMatchObject({ code: 'DRAINING' })
    await vi.waitUntil(() => keeper.stats().pending === 1)
    const drained = keeper.drain()
    await refused
    last.release()
    expect(await drained).toMatchObject({ rejectedWaiters: 1, blockers: [] })
  })
})
