import { setTimeout as sleep } from 'node:timers/promises'
import { keeperOf as keeperOfMysql2, withPoolPolicy as withMysql2Policy } from '@poolkeeper/drizzle/mysql2'
import { findPoolkeeperError, keeperOf, type PoolEvent, type PoolKeeper, type PoolPolicyOptions, withPoolPolicy } from '@poolkeeper/drizzle/node-postgres'
import { drizzle as drizzleMysql2 } from 'drizzle-orm/mysql2'
import { drizzle } from 'drizzle-orm/node-postgres'
import type { PoolConfig } from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import type { AnyDatabase } from './drizzle-ways.ts'

const MAX = 5
const CALLERS = 20

interface Kept {
  readonly db: AnyDatabase
  readonly keeper: PoolKeeper
  /** Ends every connection of the pool; this process has not noticed it when it returns. */
  killUnseen(): void
  kill(): Promise<unknown>
  end(): Promise<void>
}

type Open = (policy: PoolPolicyOptions) => Kept

/** The errors of those that failed. */
async function transactions({ db }: Kept): Promise<unknown[]> {
  const answers = await Promise.allSettled(
    Array.from({ length: CALLERS }, () => db.transaction(async (tx) => tx.execute('select 1'))),
  )
  return answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
}

/** The pool at its full size: a connect that nobody waits for any more may outlast the callers. */
async function fill(kept: Kept): Promise<void> {
  expect(await transactions(kept)).toEqual([])
  await vi.waitUntil(() => kept.keeper.stats().idle === MAX)
}

/** Nothing is lent, nobody waits, and all places can be had at once. */
async function isWhole(kept: Kept): Promise<void> {
  await vi.waitUntil(() => kept.keeper.stats().used === 0)
  expect(kept.keeper.stats()).toMatchObject({ used: 0, pending: 0 })
  expect(await transactions(kept)).toEqual([])
  expect(kept.keeper.stats().used).toBe(0)
  expect(kept.keeper.stats().idle).toBeLessThanOrEqual(MAX)
}

function transactionsOf(open: Open): void {
  const keep = (policy: PoolPolicyOptions): Kept => {
    const kept = open({ max: MAX, acquireTimeoutMillis: 5_000, drainTimeoutMillis: 500, ...policy })
    onTestFinished(() => kept.end())
    return kept
  }

  test('P-121: a BEGIN that the server refuses leaks no slot', async () => {
    const kept = keep({})
    const refused = Array.from({ length: 3 * MAX }, () => kept.db.transaction(async () => {}, { isolationLevel: 'of no kind' } as never))
    for (const answer of await Promise.allSettled(refused)) expect(answer.status).toBe('rejected')
    await isWhole(kept)
    expect(kept.keeper.stats().opens.ok).toBeLessThanOrEqual(MAX)
  })

  test('P-036: a query beside the transaction in which it should be is told, with the line of that', async () => {
    const kept = keep({})
    const told: PoolEvent[] = []
    kept.keeper.subscribe((event) => void (event.type === 'nestedAcquire' && told.push(event)))
    await kept.db.transaction(async (tx) => {
      await tx.execute('select 1')
      expect(told).toEqual([])
      await kept.db.execute('select 1')
    })
    const here: unknown = expect.stringContaining('drizzle-transactions.test.ts')
    expect(told).toEqual([expect.objectContaining({ holderSite: here })])
    await kept.db.execute('select 1')
    expect(told).toHaveLength(1)
  })

  test('P-036: a deadlock of transactions that need a second connection is broken', async () => {
    const kept = keep({ detectNestedAcquire: 'fail' })
    const nested = (): Promise<unknown> => kept.db.transaction(async () => kept.db.transaction(async (tx) => tx.execute('select 1')))
    const answers = await Promise.allSettled(Array.from({ length: MAX }, nested))
    const codes = answers.flatMap((answer) => (answer.status === 'rejected' ? [findPoolkeeperError(answer.reason)?.code] : []))
    expect(codes).toContain('DEADLOCK')
    expect(answers.map(({ status }) => status)).toContain('fulfilled')
    await isWhole(kept)
  })

  test('P-121: those on connections that died unseen get others, and none fails', async () => {
    const kept = keep({ validateAfterIdleMillis: 20 })
    await fill(kept)
    await sleep(50)
    kept.killUnseen()
    expect(await transactions(kept)).toEqual([])
    await isWhole(kept)
  })

  test('P-121: a BEGIN that fails on a connection that nobody asked leaks no slot', async () => {
    const kept = keep({ validateAfterIdleMillis: 60_000 })
    await fill(kept)
    kept.killUnseen()
    const { length: failed } = await transactions(kept)
    expect(failed).toBeGreaterThan(0)
    expect(failed).toBeLessThanOrEqual(MAX)
    await isWhole(kept)
  })

  test('P-121: nor does one of many, while the server kills again and again', async () => {
    const kept = keep({ validateAfterIdleMillis: 60_000 })
    await fill(kept)
    for (let round = 0; round < 10; round++) {
      const answers = transactions(kept)
      await kept.kill()
      await answers
    }
    await isWhole(kept)
  })
}

const postgres = requireServer('postgres')
const mariadb = requireServer('mariadb')

postgres.describe('Transactions of drizzle-orm/node-postgres', () => {
  let server: PostgresServer
  let pools = 0

  beforeAll(async () => {
    server = await attachPostgres(postgres)
  })
  afterAll(() => server.stop())

  function open(policy: PoolPolicyOptions, options: PoolConfig = {}): Kept {
    const { host, port, user, database } = server
    const applicationName = `failed_begin_${++pools}`
    const connection = { host, port, user, database, application_name: applicationName, ...options }
    const db = drizzle(withPoolPolicy({ connection }, policy))
    return {
      db,
      keeper: keeperOf(db),
      killUnseen: () => server.terminateAllSync({ applicationName }),
      kill: () => server.terminateAll({ applicationName }),
      end: () => db.$client.end(),
    }
  }

  transactionsOf((policy) => open(policy))

  test('a client whose query timed out does not come back with the query still under way', async () => {
    const kept = open({ max: 1, drainTimeoutMillis: 500 }, { query_timeout: 200 })
    onTestFinished(() => kept.end())
    await expect(kept.db.transaction(async (tx) => tx.execute('select pg_sleep(3)'))).rejects.toThrow()
    await kept.db.execute('select 1')
    expect(kept.keeper.stats()).toMatchObject({ used: 0, idle: 1, opens: { ok: 2 } })
  })
})

mariadb.describe('Transactions of drizzle-orm/mysql2', () => {
  let server: MariadbServer
  let pools = 0

  beforeAll(async () => {
    server = await attachMariadb(mariadb)
  })
  afterAll(() => server.stop())

  transactionsOf((policy) => {
    const { host, port, user, database } = server
    const db = drizzleMysql2(withMysql2Policy({ connection: { host, port, user, database } }, { name: `begin ${++pools}`, ...policy }))
    return {
      db,
      keeper: keeperOfMysql2(db),
      killUnseen: () => server.killAllSync(),
      kill: () => server.killAll(),
      end: () => db.$client.promise().end(),
    }
  })
})
