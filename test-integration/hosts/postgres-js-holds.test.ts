import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolEvent, PoolPolicyOptions } from '@poolkeeper/core'
import type { Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { type KeptPostgres, keptPostgres } from './postgres-js-kept.ts'
import { postgresDoor } from './postgres-wire.ts'

type Work = (sql: Sql, kill: () => Promise<void>) => Promise<unknown>

/** Each ends the process with bare postgres.js 3.4.9: it writes into a socket that is none any more. */
const DEATHS: Readonly<Record<string, Work>> = {
  'a transaction, in a statement': (sql, kill) =>
    sql.begin(async (transaction) => {
      const slow = transaction`select pg_sleep(5)`.execute()
      await sleep(50)
      await kill()
      await slow
    }),
  'a transaction, between its statements': (sql, kill) =>
    sql.begin(async (transaction) => {
      await transaction`select 1`
      await kill()
      await transaction`select 2`
    }),
  'a transaction that fails by itself then': (sql, kill) =>
    sql.begin(async (transaction) => {
      await transaction`select 1`
      await kill()
      throw new Error('of its own')
    }),
  'a transaction that goes on whatever happens': (sql, kill) =>
    sql.begin(async (transaction) => {
      await kill()
      for (let statement = 0; statement < 3; statement++) await transaction`select ${statement}::int`.catch(() => {})
    }),
  'a savepoint': (sql, kill) =>
    sql.begin((transaction) =>
      transaction.savepoint('inner', async (savepoint) => {
        await savepoint`select 1`
        await kill()
        await savepoint`select 2`
      }),
    ),
  'a reserved connection': async (sql, kill) => {
    const reserved = await sql.reserve()
    await kill()
    try {
      return await reserved`select 1`
    } finally {
      reserved.release()
    }
  },
}

requireServer('postgres').describe('what postgres.js lends to one caller alone', () => {
  let server: PostgresServer
  const thrown: unknown[] = []
  const onThrown = (error: unknown): void => void thrown.push(error)

  beforeAll(async () => {
    server = await attachPostgres(requireServer('postgres'))
  })
  afterAll(() => server.stop())
  beforeEach(() => {
    thrown.length = 0
    process.on('uncaughtException', onThrown)
  })
  afterEach(() => {
    process.removeListener('uncaughtException', onThrown)
    expect(thrown).toEqual([])
  })

  const kept = (policy: PoolPolicyOptions = {}): Promise<KeptPostgres> => keptPostgres(server, policy)

  /** All connections of the pool, with the news of it here. */
  async function kill({ keeper, label }: KeptPostgres): Promise<void> {
    await postgresDoor(server, label).kill()
    const { idle, used } = keeper.stats()
    await vi.waitUntil(() => Object.values(keeper.stats().closes).reduce((sum, count) => sum + count, 0) >= idle + used, 5_000)
  }

  describe('P-129: a connection that dies in the hands of its caller costs him an error, and nobody else anything', () => {
    test.each(Object.keys(DEATHS))('%s', async (name) => {
      const pool = await kept()
      await expect(DEATHS[name]?.(pool.sql, () => kill(pool))).rejects.toThrow()
      const answers = await Promise.all([1, 2, 3, 4].map((number) => pool.sql`select ${number}::int as number, pg_sleep(0.01)`))
      expect(answers.map(([row]) => row?.['number'])).toEqual([1, 2, 3, 4])
      expect(pool.keeper.stats()).toMatchObject({ used: 0, pending: 0, closes: { fatal: 1 } })
    })

    test('statements of its that wait for each other are all answered', async () => {
      const pool = await kept({ max: 1 })
      const answers: string[] = []
      const failing = pool.sql.begin(async (transaction) => {
        const statements = [1, 2, 3].map((number) => transaction`select pg_sleep(5), ${number}::int`)
        const settled = Promise.allSettled(statements)
        await sleep(100)
        await kill(pool)
        for (const { status } of await settled) answers.push(status)
      })
      await expect(failing).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
      await vi.waitUntil(() => answers.length === 3)
      expect(answers).toEqual(['rejected', 'rejected', 'rejected'])
    })

    test('what it lost it by is the cause', async () => {
      const pool = await kept()
      const reserved = await pool.sql.reserve()
      await kill(pool)
      await expect(reserved`select 1`).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', cause: { code: '57P01' } })
      reserved.release()
    })
  })

  describe('what comes back', () => {
    async function backend(sql: Sql): Promise<unknown> {
      // Of one message: in several, a transaction begins before its last statement.
      const [row] = await sql.unsafe('select pg_backend_pid() as pid, now() = statement_timestamp() as is_alone')
      return row
    }

    test.each(['open', 'failed'] as const)('P-120: in an %s transaction is rolled back before anybody else gets it', async (status) => {
      const { sql, keeper } = await kept({ max: 2 })
      const told: PoolEvent[] = []
      keeper.subscribe((event) => void (event.type === 'dirtyReturn' && told.push(event)))
      const reserved = await sql.reserve()
      const [mine] = await reserved`select pg_backend_pid() as pid`
      await reserved`begin`
      if (status === 'failed') await reserved`select 1 / 0`.catch(() => {})
      reserved.release()
      await vi.waitUntil(() => keeper.stats().idle === 1)
      expect(await backend(sql)).toEqual({ pid: mine?.['pid'], is_alone: true })
      expect(told).toMatchObject([{ status }])
    })

    test('with what is still under way on it is judged by its outcome', async () => {
      const { sql, keeper } = await kept({ max: 2 })
      const reserved = await sql.reserve()
      const last = reserved`begin`.execute()
      // It is handed over in a turn of its own.
      await Promise.resolve().then(() => {})
      reserved.release()
      await last
      await vi.waitUntil(() => keeper.stats().idle === 1)
      expect(await backend(sql)).toMatchObject({ is_alone: true })
    })

    test('and cannot be rolled back is closed', async () => {
      const { sql, keeper, proxy } = await kept({ max: 2, validationTimeoutMillis: 200 })
      const reserved = await sql.reserve()
      await reserved`begin`
      proxy.blackhole()
      reserved.release()
      await vi.waitUntil(() => keeper.stats().closes.dirty === 1)
      expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
    })

    test('in a pool of one is left to the caller who may come back for it, and so is any with `onReturn: false`', async () => {
      for (const policy of [{ max: 1 }, { max: 2, onReturn: false }] as const) {
        const { sql } = await kept(policy)
        const reserved = await sql.reserve()
        await reserved`begin`
        reserved.release()
        expect(await backend(sql)).toMatchObject({ is_alone: false })
        await sql.unsafe('rollback').catch(() => {})
      }
    })

    test('P-124: a second time is told, with the line, and takes it from nobody', async () => {
      const { sql, keeper } = await kept({ max: 2 })
      const told: PoolEvent[] = []
      keeper.subscribe((event) => void (event.type === 'misused' && told.push(event)))
      const first = await sql.reserve()
      first.release()
      const second = await sql.reserve()
      first.release()
      const third = await sql.reserve()
      const pids = await Promise.all([second, third].map(async (reserved) => (await reserved`select pg_backend_pid() as pid`)[0]?.['pid'] as number))
      expect(new Set(pids).size).toBe(2)
      expect(told).toMatchObject([{ misuse: 'releasedTwice', site: expect.stringContaining('postgres-js-holds.test.ts') as string }])
      second.release()
      third.release()
    })
  })

  test('a reserved connection is in use until it comes back: it is neither asked nor counted as idle', async () => {
    const { sql, keeper } = await kept({ max: 2, validateAfterIdleMillis: 50 })
    const reserved = await sql.reserve()
    await sleep(120)
    expect(keeper.stats()).toMatchObject({ used: 1, idle: 0 })
    expect(await keeper.evictIdle()).toBe(0)
    await reserved`select 1`
    expect(keeper.stats().validations.ok).toBe(0)
    reserved.release()
    expect(keeper.stats()).toMatchObject({ used: 0, idle: 1 })
  })
})
