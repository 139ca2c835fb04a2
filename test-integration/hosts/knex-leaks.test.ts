import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { findPoolkeeperError, type PoolEvent, type PoolEventType, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/core'
import { applyPoolPolicy, keeperOf, ownedBy, withPoolPolicy } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { withStandstill } from '../harness/standstill.ts'
import versions from '../versions.json' with { type: 'json' }
import { collectGarbage } from './collect-garbage.ts'
import { silent } from './knex-harness.ts'

const require = createRequire(import.meta.url)
const postgres = requireServer('postgres')
const mariadb = requireServer('mariadb')

const FILE = 'test-integration/hosts/knex-leaks.test.ts'
const THRESHOLD_MILLIS = 200

/** The line of whoever calls it. */
function here(): string {
  const [, row] = /knex-leaks\.test\.ts:(\d+)/.exec(new Error().stack?.split('\n')[2] ?? '') ?? []
  return `${FILE}:${row}`
}

interface Kept {
  readonly db: Knex
  readonly keeper: PoolKeeper
  readonly events: PoolEvent[]
}

type Heard<T extends PoolEventType> = Extract<PoolEvent, { type: T }>[]

function heard<T extends PoolEventType>({ events }: Kept, type: T): Heard<T> {
  return events.filter((event): event is Heard<T>[number] => event.type === type)
}

async function told<T extends PoolEventType>(kept: Kept, type: T): Promise<Heard<T>> {
  await vi.waitUntil(() => heard(kept, type).length > 0, 5_000)
  return heard(kept, type)
}

function keep(config: Knex.Config, policy: PoolPolicyOptions): Kept {
  const db = knex(withPoolPolicy(silent(config), policy))
  onTestFinished(() => db.destroy())
  const keeper = keeperOf(db)
  const events: PoolEvent[] = []
  keeper.subscribe((event) => void events.push(event))
  return { db, keeper, events }
}

/** Two statements of its own, and between them one that is not sent through the transaction. */
function nested(db: Knex): Promise<unknown> {
  return db.transaction(async (trx) => {
    await trx.raw('select 1')
    await db.raw('select 2')
    await trx.raw('select 3')
  })
}

type Outcome = 'done' | Error

function outcomes(works: readonly Promise<unknown>[]): Promise<Outcome[]> {
  return Promise.all(works.map((work) => work.then(() => 'done' as const, (error: unknown) => error as Error)))
}

const lineOf = (text: string): string => {
  const [, row] = /knex-leaks\.test\.ts:(\d+)/.exec(text) ?? []
  return `${FILE}:${row}`
}

/** What must be true on every wire. */
function behaveOn(open: (policy?: PoolPolicyOptions) => Kept, bare: (timeoutMillis: number) => Knex): void {
  describe('a leak', () => {
    const tracked = (policy: PoolPolicyOptions = {}): Kept => open({ leakThresholdMillis: THRESHOLD_MILLIS, ...policy })

    test('P-150: by acquireConnection() is told with the line that called it', async () => {
      const kept = tracked()
      const client = kept.db.client as Knex.Client
      const [acquired, line] = [client.acquireConnection() as Promise<object>, here()]
      const connection = await acquired
      await kept.db.raw('select 41 + 1').connection(connection)
      const [leaked] = await told(kept, 'leaked')
      expect(leaked).toMatchObject({ site: line, lastQuery: 'select 41 + 1', heldAtSite: 1, collected: false })
      await client.releaseConnection(connection)
      expect(heard(kept, 'leakEnded')).toMatchObject([{ site: line }])
    })

    test('P-150: of a transaction with a container is told with the line that began it', async () => {
      const kept = tracked()
      let line = ''
      const work = ownedBy('job 7', () => {
        line = here().replace(/\d+$/, (row) => String(Number(row) + 1))
        return kept.db.transaction(async (trx) => {
          await trx.raw('select 1')
          await told(kept, 'leaked')
        })
      })
      await work
      expect(heard(kept, 'leaked')).toMatchObject([{ site: line, owner: 'job 7', lastQuery: 'select 1' }])
    })

    test('P-150: of a transaction without one is told with the line that began it', async () => {
      const kept = tracked()
      const [begun, line] = [kept.db.transaction(), here()]
      const trx = await begun
      expect(await told(kept, 'leaked')).toMatchObject([{ site: line }])
      expect(kept.keeper.explain().connections[0]?.holder).toMatchObject({ site: line })
      await trx.rollback()
    })

    test('P-150: of a slow query is told with the line that built it', async () => {
      const kept = tracked()
      await kept.db.raw('select 1')
      const [query, line] = [kept.db.raw('select 1'), here()]
      kept.keeper.pause()
      const answered = query.then(() => 'answered')
      await vi.waitUntil(() => kept.keeper.stats().pending === 1)
      expect(kept.keeper.explain().waiters).toMatchObject([{ site: line }])
      kept.keeper.resume()
      expect(await answered).toBe('answered')
    })

    test('is named to those who wait in vain', async () => {
      const kept = tracked({ max: 1, acquireTimeoutMillis: 500, validationTimeoutMillis: 100 })
      const [begun, line] = [kept.db.transaction(), here()]
      const trx = await begun
      const error = findPoolkeeperError(await kept.db.raw('select 1').catch((failed: unknown) => failed))
      expect(error).toMatchObject({ code: 'POOL_EXHAUSTED', holders: [{ site: line, count: 1 }] })
      expect(error?.message).toContain(`by ${line}`)
      await trx.rollback()
    })

    test('P-151: that is reclaimed frees its place, and its transaction fails for good', async () => {
      const kept = tracked({ max: 1, reclaimLeaks: true })
      const trx = await kept.db.transaction()
      await trx.raw('select 1')
      await kept.db.raw('select 1')
      expect(kept.keeper.stats()).toMatchObject({ leaks: 1, closes: { leak: 1 } })
      expect(await trx.raw('select 1').then(() => 'answered', () => 'failed')).toBe('failed')
      await trx.rollback().catch(() => {})
      await kept.db.raw('select 1')
      expect(heard(kept, 'misused')).toEqual([])
      expect(kept.keeper.stats()).toMatchObject({ used: 0, idle: 1 })
    })

    test('P-154: that nobody can end any more is told when it is collected, and reclaimed if asked', async () => {
      const kept = tracked({ max: 1, leakThresholdMillis: 60_000, reclaimLeaks: true })
      class Repository {
        trx: Knex.Transaction | undefined

        async begin(): Promise<void> {
          this.trx = await kept.db.transaction()
          await this.trx.raw('select 1')
        }
      }
      const forget = (): Promise<void> => new Repository().begin()
      await forget()
      const lineBegun = await vi.waitUntil(
        () => {
          collectGarbage()
          return heard(kept, 'leaked')[0]?.site
        },
        { timeout: 15_000, interval: 100 },
      )
      expect(lineBegun).toContain(FILE)
      expect(heard(kept, 'leaked')).toMatchObject([{ collected: true, lastQuery: 'select 1' }])
      await kept.db.raw('select 1')
      expect(kept.keeper.stats()).toMatchObject({ leaks: 1, closes: { leak: 1 } })
    })

    test('P-154: is none while the transaction is in use, whatever is collected', async () => {
      const kept = tracked({ leakThresholdMillis: 60_000, reclaimLeaks: true })
      const trx = await kept.db.transaction()
      const within = kept.db.transaction(async (inner) => {
        await sleep(300)
        await inner.raw('select 1')
      })
      for (let round = 0; round < 5; round++) {
        await sleep(50)
        collectGarbage()
      }
      await within
      await trx.raw('select 1')
      await trx.commit()
      expect(heard(kept, 'leaked')).toEqual([])
    })
  })

  describe('P-126: use after release', () => {
    test('is told with the line that built the query, while leaks are tracked', async () => {
      const kept = open({ leakThresholdMillis: 10_000 })
      const client = kept.db.client as Knex.Client
      const connection = (await client.acquireConnection()) as object
      await client.releaseConnection(connection)
      const [query, line] = [kept.db.raw('select 1'), here()]
      await query.connection(connection)
      expect(heard(kept, 'misused')).toMatchObject([{ misuse: 'usedAfterRelease', connection: 1, site: line }])
    })

    test('is not what migrations, checks and transactions of Knex do', async () => {
      const kept = open({ leakThresholdMillis: 10_000, validateAfterIdleMillis: 0 })
      for (let round = 0; round < 3; round++) {
        await kept.db.transaction(async (trx) => {
          await trx.raw('select 1')
          await trx.transaction((savepoint) => savepoint.raw('select 2'))
        })
        await kept.db.raw('select 3')
      }
      expect(heard(kept, 'misused')).toEqual([])
      expect(heard(kept, 'nestedAcquire')).toEqual([])
    })
  })

  describe('P-036: a nested acquire', () => {
    test.each<[string, (db: Knex) => PromiseLike<unknown>]>([
      ['raw()', (db) => db.raw('select 1')],
      ['a builder', (db) => db.select(db.raw('1 as one'))],
      ['a builder that is awaited elsewhere', async (db) => await Promise.all([db.select(db.raw('1 as one'))])],
      ['a schema builder', (db) => db.schema.hasTable('nowhere')],
      ['a clone with parameters of its own', (db) => db.withUserParams({ tenant: 7 }).raw('select 1')],
      ['a transaction', (db) => db.transaction((trx) => trx.raw('select 1'))],
      ['acquireConnection()', async (db) => {
        const client = db.client as Knex.Client
        await client.releaseConnection((await client.acquireConnection()) as object)
      }],
    ])('by %s is told with both lines', async (_, act) => {
      const kept = open({ max: 2 })
      const outer = kept.db.transaction(async () => void (await act(kept.db)))
      await outer
      const [event] = heard(kept, 'nestedAcquire')
      expect(event?.site).toContain(FILE)
      expect(lineOf(event?.stack ?? '')).toBe(event?.site)
      expect(event?.holderSite).toContain(FILE)
      expect(event?.holderSite).not.toBe(event?.site)
      expect(kept.keeper.stats()).toMatchObject({ used: 0 })
    })

    test('is none of one that is sent through the transaction, nor after it', async () => {
      const kept = open()
      await kept.db.transaction(async (trx) => {
        await trx.raw('select 1')
        await kept.db.select(kept.db.raw('1')).transacting(trx)
        await trx.transaction((savepoint) => savepoint.raw('select 2'))
      })
      await kept.db.raw('select 1')
      expect(heard(kept, 'nestedAcquire')).toEqual([])
    })
  })

  describe('P-036: a deadlock by nested acquires', () => {
    test('lasts until the deadline on the bare host', async () => {
      const timeoutMillis = 1_000
      const db = bare(timeoutMillis)
      const startedAt = performance.now()
      const all = await outcomes(Array.from({ length: 5 }, () => nested(db)))
      expect(performance.now() - startedAt).toBeGreaterThan(timeoutMillis - 50)
      // The first who give up let others through, when those are still there.
      expect(all.filter((outcome) => outcome !== 'done' && outcome.name === 'KnexTimeoutError')).not.toEqual([])
    })

    test('fails one at a time within 250 ms with the lines of code, and the rest go on', async () => {
      const kept = open({ max: 5, detectNestedAcquire: 'fail' })
      // Warm: what is measured is the deadlock, and not five connects.
      await Promise.all(Array.from({ length: 5 }, () => kept.db.raw('select 1')))
      await vi.waitUntil(() => kept.keeper.stats().idle === 5)
      const startedAt = performance.now()
      const works = Array.from({ length: 5 }, () => nested(kept.db))
      const { value: first, standstill } = await withStandstill(() =>
        Promise.race(works.map((work) => work.then(() => new Promise<never>(() => {}), (error: unknown) => error))),
      )
      const took = performance.now() - startedAt
      const error = findPoolkeeperError(first)
      expect(error).toMatchObject({ code: 'DEADLOCK', holders: [{ count: 5 }], waiters: [{ count: 5 }] })
      expect(error?.holders?.[0]?.site).toMatch(/knex-leaks\.test\.ts:\d+$/)
      expect(error?.waiters?.[0]?.site).toMatch(/knex-leaks\.test\.ts:\d+$/)
      expect(error?.message).toContain(error?.holders?.[0]?.site)
      expect(error?.message).toContain(error?.waiters?.[0]?.site)
      expect(took).toBeLessThan(250 + standstill)
      const all = await outcomes(works)
      expect(all.filter((outcome) => outcome === 'done')).toHaveLength(4)
      expect(heard(kept, 'deadlock')).toHaveLength(1)
      expect(kept.keeper.stats()).toMatchObject({ used: 0, pending: 0 })
    })

    test('is none of queries that are not waited for, in a full pool', async () => {
      const kept = open({ max: 2, detectNestedAcquire: 'fail' })
      const careless = (): Promise<unknown> =>
        kept.db.transaction(async (trx) => {
          const second = kept.db.raw('select 1').then(() => 'served')
          for (let statement = 0; statement < 10; statement++) {
            await trx.raw('select 1')
            await sleep(40)
          }
          return { second }
        })
      const all = (await Promise.all([careless(), careless()])) as { second: Promise<string> }[]
      expect(await Promise.all(all.map(({ second }) => second))).toEqual(['served', 'served'])
      expect(heard(kept, 'deadlock')).toEqual([])
      expect(heard(kept, 'nestedAcquire')).toHaveLength(2)
    })
  })
}

postgres.describe('who holds a pool of Knex, on PostgreSQL', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(postgres)
  })
  afterAll(() => server.stop())

  const config = (): Knex.Config => {
    const { host, port, user, database } = server
    return { client: 'pg', connection: { host, port, user, database } }
  }
  behaveOn(
    (policy = {}) => keep(config(), { max: 3, ...policy }),
    (acquireConnectionTimeout) => {
      const db = knex(silent({ ...config(), pool: { min: 0, max: 5 }, acquireConnectionTimeout }))
      onTestFinished(() => db.destroy())
      return db
    },
  )

  test('P-036: a statement that takes long is no deadlock', async () => {
    const kept = keep(config(), { max: 2, detectNestedAcquire: 'fail' })
    const patient = (): Promise<unknown> =>
      kept.db.transaction(async (trx) => {
        const second = kept.db.raw('select 1').then(() => 'served')
        await trx.raw('select pg_sleep(0.6)')
        return { second }
      })
    await Promise.all([patient(), patient()])
    await vi.waitUntil(() => kept.keeper.stats().pending + kept.keeper.stats().used === 0, 5_000)
    expect(heard(kept, 'deadlock')).toEqual([])
  })

  test('P-151: a leak is not reclaimed while its statement is under way', async () => {
    const kept = keep(config(), { max: 1, leakThresholdMillis: THRESHOLD_MILLIS, reclaimLeaks: true })
    const trx = await kept.db.transaction()
    await trx.raw('select pg_sleep(1)')
    expect(kept.keeper.stats()).toMatchObject({ leaks: 1, used: 1, closes: { leak: 0 } })
    await vi.waitUntil(() => kept.keeper.stats().closes.leak === 1, 5_000)
    await trx.rollback().catch(() => {})
  })
})

mariadb.describe('who holds a pool of Knex, on MariaDB', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await attachMariadb(mariadb)
  })
  afterAll(() => server.stop())

  const config = (): Knex.Config => {
    const { host, port, user, database } = server
    return { client: 'mysql2', connection: { host, port, user, database } }
  }

  describe('with mysql2', () => {
    behaveOn(
      (policy = {}) => keep(config(), { max: 3, ...policy }),
      (acquireConnectionTimeout) => {
        const db = knex(silent({ ...config(), pool: { min: 0, max: 5 }, acquireConnectionTimeout }))
        onTestFinished(() => db.destroy())
        return db
      },
    )
  })

  test('with the mariadb driver nobody knows what is under way, and `fail` is refused', () => {
    expect(() => keep({ ...config(), client: 'mariadb' }, { detectNestedAcquire: 'fail' })).toThrow(
      "detectNestedAcquire: 'fail' needs to know whether a statement is under way",
    )
  })

  describe.each(versions.knex)('a stream in Knex $version', ({ package: name }) => {
    const createKnex = require(name) as (config: Knex.Config) => Knex

    function open(isKept: boolean): Knex {
      const db = createKnex(silent({ ...config(), pool: { min: 0, max: 1 } }))
      onTestFinished(() => db.destroy())
      if (isKept) applyPoolPolicy(db)
      return db
    }

    const idOf = async (db: Knex | Knex.Transaction): Promise<number> => {
      const [[row]] = (await db.raw('select connection_id() as id')) as [[{ id: number }]]
      return row.id
    }

    /** Whether somebody else's statement gets onto the connection of a transaction after a stream ended. */
    async function isLentTwice(db: Knex): Promise<boolean> {
      const stream = db.raw('select seq from seq_1_to_500').stream({ highWaterMark: 1 })
      let waiting: Promise<Knex.Transaction> | undefined
      for await (const _row of stream) {
        waiting ??= db.transaction()
        await sleep(0)
      }
      const trx = await (waiting ?? Promise.reject(new Error('no row')))
      const own = await idOf(trx)
      const other = idOf(db)
      const seen = await Promise.race([other, sleep(200, 'waits' as const)])
      await trx.rollback()
      await other
      return seen === own
    }

    test('gives its connection back twice on the bare host, and takes it from the next one', async () => {
      expect(await isLentTwice(open(false))).toBe(true)
    })

    test('gives it back once under a policy', async () => {
      const db = open(true)
      const misused: PoolEvent[] = []
      keeperOf(db).subscribe((event) => void (event.type === 'misused' && misused.push(event)))
      expect(await isLentTwice(db)).toBe(false)
      expect(misused).toEqual([])
    })

    test('that is broken off frees its place under a policy', async () => {
      const db = open(true)
      for (let round = 0; round < 3; round++) {
        for await (const _row of db.raw('select seq from seq_1_to_5000').stream()) break
      }
      await db.raw('select 1')
      await vi.waitUntil(() => keeperOf(db).stats().used === 0, 5_000)
    })
  })
})
