import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { findPoolkeeperError, keeperOf, withPoolPolicy, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import type { Connection } from 'mysql2'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { silent } from './knex-harness.ts'

interface Kept {
  readonly db: Knex
  readonly keeper: PoolKeeper
}

function kept(config: Knex.Config, policy: PoolPolicyOptions): Kept {
  const db = knex(withPoolPolicy(silent(config), policy))
  onTestFinished(() => db.destroy())
  return { db, keeper: keeperOf(db) }
}

const postgres = requireServer('postgres')
const mariadb = requireServer('mariadb')

postgres.describe('hooks of a Knex pool on PostgreSQL', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(postgres)
  })
  afterAll(() => server.stop())

  function open(policy: PoolPolicyOptions, config: Partial<Knex.Config> = {}): Kept {
    const { host, port, user, database } = server
    return kept({ client: 'pg', connection: { host, port, user, database }, ...config }, { max: 3, ...policy })
  }

  async function valueOf(db: Knex, setting: string): Promise<string> {
    const { rows } = await db.raw<{ rows: { value: string }[] }>('select current_setting(?, true) as value', [setting])
    return rows[0]?.value ?? ''
  }

  test("P-109: `onOpen` comes after the user's own `afterCreate`, once for each connection", async () => {
    const calls: string[] = []
    const afterCreate = (_client: unknown, done: (error?: Error) => void): void => {
      calls.push('afterCreate')
      done()
    }
    const { db, keeper } = open(
      {
        onOpen: async (client) => {
          calls.push('onOpen')
          await (client as Client).query(`set application_name = 'hooked'`)
        },
      },
      { pool: { min: 0, max: 3, afterCreate } },
    )
    await Promise.all([1, 2, 3].map(() => db.raw('select pg_sleep(0.05)')))
    expect(keeper.stats().opens.ok).toBe(3)
    expect(calls.filter((call) => call === 'onOpen')).toHaveLength(3)
    expect(calls[0]).toBe('afterCreate')
    expect(await valueOf(db, 'application_name')).toBe('hooked')
  })

  test('each request is its own tenant, on connections that all of them share', async () => {
    const tenant = new AsyncLocalStorage<string>()
    const { db } = open({
      max: 2,
      onAcquire: async (client) => {
        await (client as Client).query(`select set_config('app.tenant', $1, false)`, [tenant.getStore() ?? ''])
      },
      onRelease: (client) => (client as Client).query(`reset app.tenant`),
    })
    const tenants = Array.from({ length: 40 }, (_, index) => `tenant ${index}`)
    const seen = await Promise.all(tenants.map((name) => tenant.run(name, () => valueOf(db, 'app.tenant'))))
    expect(seen).toEqual(tenants)
    expect(await valueOf(db, 'app.tenant')).toBe('')
  })

  test('a caller without a tenant is refused, in Knex as in a transaction', async () => {
    const tenant = new AsyncLocalStorage<string>()
    const { db, keeper } = open({ max: 1, onAcquire: () => (tenant.getStore() === undefined ? 'refuse' : undefined) })
    // Knex asks for a connection when a query is awaited.
    await tenant.run('one', async () => void (await db.raw('select 1')))
    const errors = await Promise.allSettled([db.raw('select 1'), db.transaction(async () => {})])
    for (const outcome of errors) {
      expect(outcome.status === 'rejected' && findPoolkeeperError(outcome.reason)?.code).toBe('HOOK_REFUSED')
    }
    expect(keeper.stats()).toMatchObject({ idle: 1, opens: { ok: 1 }, acquires: { ok: 1, refused: 2 } })
  })

  test('a hook whose connection was killed unseen costs its caller nothing', async () => {
    const { db, keeper } = open({ max: 2, validateAfterIdleMillis: 60_000, onAcquire: (client) => (client as Client).query('select 1') })
    const applicationName = 'killed unseen'
    await db.raw(`set application_name = '${applicationName}'`)
    server.terminateAllSync({ applicationName })
    await db.raw('select 1')
    expect(keeper.stats().acquires).toMatchObject({ ok: 2, failed: 0 })
    expect(keeper.stats().closes.fatal).toBe(1)
  })

  test('P-107: `onOpen` that the server refuses is a failed connect with the error of the server, also ahead of demand', async () => {
    const { db, keeper } = open({ min: 1, max: 2, onOpen: (client) => (client as Client).query('set role nobody_at_all') })
    const failed = await db.raw('select 1').catch((error: unknown) => error)
    expect(failed).toMatchObject({ message: expect.stringContaining('nobody_at_all') as string })
    await expect(keeper.ready({ timeoutMillis: 300 })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      cause: { message: expect.stringContaining('nobody_at_all') as string },
    })
    expect(keeper.stats().opens).toMatchObject({ ok: 0 })
    expect(keeper.stats().closes.hook).toBe(keeper.stats().opens.failed)
  })

  test('a hook that throws within Knex’s own `destroy()` holds it up no longer than the drain does', async () => {
    const { db } = open({ drainTimeoutMillis: 200, onRelease: () => new Promise(() => {}) })
    await db.raw('select 1')
    const startedAt = performance.now()
    await db.destroy()
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })

  test("a policy that observes leaves tarn's reaper, Knex's lifetime and its limits alone", async () => {
    const pool = { min: 0, max: 2, idleTimeoutMillis: 100, reapIntervalMillis: 50 }
    const { db, keeper } = open({ mode: 'observe', min: 1, max: 1, idleTimeoutMillis: 60_000 }, { pool })
    await Promise.all([1, 2].map(() => db.raw('select pg_sleep(0.05)')))
    expect(keeper.stats()).toMatchObject({ idle: 2, max: 2 })
    await vi.waitUntil(() => keeper.stats().closes.host === 2, 3_000)
    expect(keeper.stats()).toMatchObject({ idle: 0, closes: { idle: 0, shrink: 0 } })
    keeper.reconfigure({ mode: 'enforce' })
    await Promise.all([1, 2].map(() => db.raw('select 1')))
    await sleep(300)
    expect(keeper.stats()).toMatchObject({ idle: 1, max: 1, closes: { host: 2 } })
  })
})

mariadb.describe('hooks of a Knex pool on MariaDB', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await attachMariadb(mariadb)
  })
  afterAll(() => server.stop())

  test.each(['mysql2', 'mysql'] as const)('`onOpen` prepares a session, and `onAcquire` takes a borrower in (%s)', async (client) => {
    const { host, port, user, database } = server
    const ask = (connection: object, sql: string): Promise<void> =>
      new Promise((resolve, reject) => {
        ;(connection as Connection).query(sql, (error: Error | null) => (error === null ? resolve() : reject(error)))
      })
    const { db } = kept(
      { client, connection: { host, port, user, database } },
      {
        max: 1,
        onOpen: (connection) => ask(connection, 'set @opened = 1'),
        onAcquire: (connection, { uses }) => ask(connection, `set @uses = ${uses}`),
      },
    )
    await db.raw('select 1')
    const [rows] = await db.raw<[object[]]>('select @opened as opened, @uses as uses')
    expect(rows).toMatchObject([{ opened: 1, uses: 2 }])
  })
})

describe('hooks of a Knex pool on SQLite', () => {
  interface Sqlite {
    pragma(text: string): unknown
  }

  const open = (policy: PoolPolicyOptions): Kept =>
    kept({ client: 'better-sqlite3', connection: { filename: ':memory:' }, useNullAsDefault: true, pool: { min: 1, max: 1 } }, policy)

  test('`onOpen` sets pragmas', async () => {
    const { db } = open({ onOpen: (database) => (database as Sqlite).pragma('foreign_keys = off') })
    expect(await db.raw('pragma foreign_keys')).toEqual([{ foreign_keys: 0 }])
  })

  test('a hook does not lose a database in memory: `retire` lends it, a throw fails its caller alone', async () => {
    const answers: (() => unknown)[] = []
    const { db, keeper } = open({ onAcquire: () => answers.shift()?.(), onRelease: () => 'retire' })
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => warned.mockRestore())
    await db.schema.createTable('kept', (table) => table.integer('value'))
    answers.push(() => 'retire')
    expect(await db('kept')).toEqual([])
    answers.push(() => {
      throw new Error('of no manners')
    })
    await expect(db('kept')).rejects.toMatchObject({ code: 'HOOK_FAILED' })
    expect(await db('kept')).toEqual([])
    expect(keeper.stats()).toMatchObject({ opens: { ok: 1 }, closes: { hook: 0 } })
    expect(warned.mock.calls.some(([text]) => String(text).includes('the database itself'))).toBe(true)
  })
})
