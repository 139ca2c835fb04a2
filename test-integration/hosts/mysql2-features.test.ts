import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { applyPoolPolicy as applyToKnex, keeperOf as keeperOfKnex, withPoolPolicy } from '@poolkeeper/knex'
import { applyPoolPolicy, findPoolkeeperError, type PoolEvent, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/mysql2'
import knex, { type Knex } from 'knex'
import { createPool, type PoolConnection as CallbackConnection, type PoolOptions } from 'mysql2'
import type { Pool, PoolConnection, RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startFaultProxy } from '../faults/proxy.ts'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { requireServer } from '../harness/require-server.ts'

const address = requireServer('mariadb')

interface Kept {
  readonly pool: Pool
  readonly keeper: PoolKeeper
  readonly events: PoolEvent[]
}

function kept(options: PoolOptions = {}, policy: PoolPolicyOptions = {}): Kept {
  const pool = createPool({ uri: address.url, connectionLimit: 2, ...options }).promise()
  onTestFinished(() => pool.end())
  const keeper = applyPoolPolicy(pool, { drainTimeoutMillis: 500, ...policy })
  const events: PoolEvent[] = []
  keeper.subscribe((event) => events.push(event))
  return { pool, keeper, events }
}

type QueryCallback = (error: Error | null) => void

async function one(on: Pool | PoolConnection, sql: string): Promise<unknown> {
  const [rows] = await on.query<RowDataPacket[]>(sql)
  return Object.values(rows[0] ?? {})[0]
}

async function until(state: string, holds: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(holds(), state).toBe(true), 5_000)
}

async function hold(pool: Pool, count: number): Promise<PoolConnection[]> {
  return Promise.all(Array.from({ length: count }, () => pool.getConnection()))
}

address.describe('mysql2', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await attachMariadb(address)
  })
  afterAll(() => server.stop())

  describe("mysql2's own options", () => {
    test('`idleTimeout` closes what lies idle, also without `maxIdle`', async () => {
      const { pool, keeper } = kept({ idleTimeout: 200 })
      await pool.query('select 1')
      await until('it is closed', () => keeper.stats().closes.idle === 1)
    })

    test('`maxIdle` closes what lies idle above it within a second', async () => {
      const { pool, keeper } = kept({ connectionLimit: 3, maxIdle: 1 })
      for (const connection of await hold(pool, 3)) connection.release()
      await until('two are closed', () => keeper.stats().idle === 1 && keeper.stats().closing === 0)
      expect(keeper.stats().closes.host).toBe(2)
    })

    test('P-032: `queueLimit` refuses in its own words', async () => {
      const { pool, keeper } = kept({ queueLimit: 1 })
      const held = await hold(pool, 2)
      const waiting = pool.getConnection()
      const refusal: unknown = await pool.query('select 1').catch((error: unknown) => error)
      expect(refusal).toMatchObject({ message: 'Queue limit reached.', cause: { code: 'POOL_EXHAUSTED' } })
      for (const connection of held) connection.release()
      ;(await waiting).release()
      expect(keeper.policy.sources.maxPending).toBe('host')
    })

    test('P-032: `waitForConnections: false` lets nobody wait for a connection of somebody else', async () => {
      const { pool } = kept({ waitForConnections: false })
      const held = await hold(pool, 2)
      const refusal: unknown = await pool.getConnection().catch((error: unknown) => error)
      expect(refusal).toMatchObject({ message: 'No connections available.', cause: { code: 'POOL_EXHAUSTED' } })
      for (const connection of held) connection.release()
    })

    test('P-123: `resetOnRelease` gives the next caller a clean session, one that waits as well', async () => {
      const { pool, keeper } = kept({ connectionLimit: 1, resetOnRelease: true })
      const connection = await pool.getConnection()
      await connection.query("set @mine = 'secret'")
      const next = pool.getConnection()
      connection.release()
      expect(await one(await next, 'select @mine')).toBe(null)
      ;(await next).release()
      expect(keeper.policy.onReturn).toBe('reset')
    })
  })

  describe('what comes back', () => {
    test.each([
      { how: 'with a statement', statement: 'select 1' },
      { how: 'with rows', statement: 'select 1 union select 2' },
      { how: 'with an error', statement: 'select nothing from nowhere' },
    ])('P-120: in an open transaction, last seen $how, is rolled back before it is lent again', async ({ statement }) => {
      const { pool, events } = kept()
      const connection = await pool.getConnection()
      await connection.query('begin')
      await connection.query(statement).catch(() => {})
      connection.release()
      expect(await one(pool, 'select @@in_transaction')).toBe(0)
      expect(events.find(({ type }) => type === 'dirtyReturn')).toMatchObject({ status: 'open' })
    })

    test('without autocommit, a transaction that a mere read began is rolled back as well', async () => {
      const { pool, events } = kept()
      const connection = await pool.getConnection()
      await connection.query('set autocommit = 0')
      await connection.query('create temporary table t (a int)')
      await connection.execute('select a from t')
      connection.release()
      await until('it was seen', () => events.some(({ type }) => type === 'dirtyReturn'))
    })

    test('after a commit is not rolled back, whatever was read afterwards', async () => {
      const { pool, events } = kept()
      const connection = await pool.getConnection()
      await connection.beginTransaction()
      await connection.execute('select 1')
      await connection.commit()
      await connection.query('select 2; ').catch(() => {})
      connection.release()
      await pool.query('select 1')
      expect(events.map(({ type }) => type)).not.toContain('dirtyReturn')
    })
  })

  describe('P-137: a server that has become read-only', () => {
    test('loses its connections, also when it says so on one from `getConnection()`', async () => {
      const user = 'readonly_user'
      await server.admin.query(`create user '${user}'@'%'`)
      await server.admin.query(`grant all on ${server.database}.* to '${user}'@'%'`)
      onTestFinished(async () => void (await server.admin.query(`drop user '${user}'@'%'`)))
      const { pool, keeper } = kept({ uri: address.url, user, password: '' })
      const [writer, other] = await hold(pool, 2)
      await writer?.query('create table if not exists readonly_table (a int)')
      other?.release()
      await server.admin.query('set global read_only = 1')
      onTestFinished(async () => void (await server.admin.query('set global read_only = 0')))
      await expect(writer?.query('insert into readonly_table values (1)')).rejects.toMatchObject({ errno: 1290 })
      writer?.release()
      await until('it is closed', () => keeper.stats().closes.fatal === 1)
      expect(keeper.stats().generation).toBe(1)
      await server.admin.query('set global read_only = 0')
      await pool.query('drop table readonly_table')
    })

    const asks: Record<string, (connection: PoolConnection, sql: string) => Promise<unknown>> = {
      'a query': (connection, sql) => connection.query(sql),
      'a prepared statement': (connection, sql) => connection.execute(sql),
      'a query with a callback'({ connection }, sql) {
        const below = connection as unknown as CallbackConnection
        return promisify((done: QueryCallback) => below.query(sql, done))()
      },
      async 'a query in a transaction'(connection, sql) {
        await connection.beginTransaction()
        await connection.query(sql)
      },
    }
    const ways = Object.entries(asks).flatMap(([how, ask]) => [1290, 1836].map((errno) => ({ how, ask, errno })))

    test.each(ways)('is judged by $errno, also when $how on a lease hears it', async ({ ask, errno }) => {
      const { pool, keeper } = kept()
      const [writer, other] = await hold(pool, 2)
      if (writer === undefined) throw new Error('no connection')
      other?.release()
      const refusal = `signal sqlstate 'HY000' set mysql_errno = ${errno}, message_text = 'read-only'`
      await expect(ask(writer, refusal)).rejects.toMatchObject({ errno })
      writer.release()
      await until('it is closed', () => keeper.stats().closes.fatal === 1)
      expect(keeper.stats().generation).toBe(1)
    })
  })

  describe('callers', () => {
    test('the oldest gets what comes back while his connect is under way', async () => {
      const { host, port, user, database } = server
      const proxy = await startFaultProxy({ target: { host, port } })
      onTestFinished(() => proxy.close())
      const { pool, keeper } = kept({ uri: '', host: proxy.host, port: proxy.port, user, database })
      const held = await pool.getConnection()
      proxy.blackhole({ newConnections: true })
      const waiting = pool.getConnection()
      await until('a connect is under way', () => keeper.stats().opening === 1)
      held.release()
      const served = await waiting
      expect(served.threadId).toBe(held.threadId)
      proxy.heal()
      served.destroy()
    })

    test('P-171: acquire and release are told in pairs, on a hand-over as well', async () => {
      const { pool } = kept({ connectionLimit: 1 })
      const told: string[] = []
      for (const event of ['acquire', 'connection', 'enqueue', 'release'] as const) pool.pool.on(event, () => told.push(event))
      const first = await pool.getConnection()
      const second = pool.getConnection()
      first.release()
      ;(await second).release()
      expect(told).toEqual(['connection', 'acquire', 'enqueue', 'release', 'acquire', 'release'])
    })

    test("mysql2's tracing channel hears of every caller once", async () => {
      const { pool } = kept()
      await pool.query('select 1')
      const started: unknown[] = []
      const onStart = (message: unknown): void => void started.push(message)
      subscribe('tracing:mysql2:pool:connect:start', onStart)
      onTestFinished(() => void unsubscribe('tracing:mysql2:pool:connect:start', onStart))
      await pool.query('select 1')
      await pool.execute('select 1')
      expect(started).toHaveLength(2)
      expect(started[0]).toMatchObject({ serverPort: server.port })
    })

    test('a connection that its holder destroys makes room for who waits', async () => {
      const { pool, keeper } = kept({ connectionLimit: 1 })
      const held = await pool.getConnection()
      const waiting = pool.getConnection()
      held.destroy()
      ;(await waiting).release()
      expect(keeper.stats()).toMatchObject({ closes: { host: 1 }, acquires: { ok: 2 } })
    })
  })

  test('P-150: a leak is told with its last statement, also of one that is prepared', async () => {
    const { pool, events } = kept({}, { leakThresholdMillis: 100 })
    const isTold = (text: string): boolean => events.some((event) => event.type === 'leaked' && event.lastQuery === text)
    const [querying, preparing] = [await pool.getConnection(), await pool.getConnection()]
    await querying.query('select 1')
    await preparing.execute('select 2')
    await until('both leaks are told', () => isTold('select 1') && isTold('select 2'))
    querying.release()
    preparing.release()
  })

  describe('end()', () => {
    test('lets a query under way finish, and answers who waits in the words of mysql2', async () => {
      const { pool, keeper } = kept({ connectionLimit: 1 })
      const slow = one(pool, 'select sleep(0.2)')
      await until('it is under way', () => keeper.stats().used === 1)
      const waiting: Promise<unknown> = pool.query('select 1').catch((error: unknown) => error)
      const ending = pool.end()
      expect(await waiting).toMatchObject({ message: 'Pool is closed.', cause: { code: 'DRAINING' } })
      expect(await slow).toBe(0)
      await ending
      const late: unknown = await pool.query('select 1').catch((error: unknown) => error)
      expect(late).toMatchObject({ message: 'Pool is closed.' })
    })
  })

  test.each([
    ['that runs on it', (config: Knex.Config) => knex(config)],
    ['with withPoolPolicy', (config: Knex.Config) => knex(withPoolPolicy(config, { drainTimeoutMillis: 500 }))],
    [
      'with applyPoolPolicy',
      (config: Knex.Config): Knex => {
        const db = knex(config)
        applyToKnex(db, { drainTimeoutMillis: 500 })
        return db
      },
    ],
  ])('a Knex %s (`connectionPool`) is served by it', async (_, open) => {
    const { pool, keeper } = kept()
    const db = open({ client: 'mysql2', connectionPool: pool.pool } as Knex.Config)
    expect(keeperOfKnex(db)).toBe(keeper)
    const [rows] = await db.transaction(async (trx) => trx.raw<[{ one: number }[]]>('select 1 as one'))
    expect(rows).toEqual([{ one: 1 }])
    await db.destroy()
    expect(keeper.stats()).toMatchObject({ used: 0, idle: 1, acquires: { ok: 1 } })
  })

  test('detached while callers wait, mysql2 serves them itself', async () => {
    const { pool, keeper } = kept({ connectionLimit: 1 })
    const held = await pool.getConnection()
    const waiting = [pool.query('select 1'), pool.query('select 2')]
    keeper.detach()
    held.release()
    expect(await Promise.all(waiting)).toHaveLength(2)
  })

  describe('a policy that only observes', () => {
    test("leaves mysql2's own limits, and lets callers wait for ever", async () => {
      const { pool, keeper } = kept({ connectionLimit: 1, queueLimit: 1 }, { mode: 'observe', acquireTimeoutMillis: 100, validationTimeoutMillis: 50 })
      const held = await pool.getConnection()
      const waiting = pool.getConnection()
      const refusal: unknown = await pool.query('select 1').catch((error: unknown) => error)
      expect(refusal).toMatchObject({ message: 'Queue limit reached.' })
      expect(findPoolkeeperError(refusal)).toBeUndefined()
      await sleep(200)
      held.release()
      ;(await waiting).release()
      expect(keeper.stats().acquires).toMatchObject({ ok: 2, timedOut: 0, failed: 1 })
    })

    test('resets on release and sweeps where mysql2 does', async () => {
      const { pool } = kept({ maxIdle: 1, idleTimeout: 100, resetOnRelease: true }, { mode: 'observe' })
      const [one_, two] = await hold(pool, 2)
      await one_?.query("set @mine = 'secret'")
      one_?.release()
      two?.release()
      const connection = await pool.getConnection()
      expect(await one(connection, 'select @mine')).toBe(null)
      connection.release()
      const core = pool.pool as unknown as { readonly _allConnections: { readonly length: number } }
      await until('mysql2 has swept', () => core._allConnections.length === 0)
    })
  })
})
