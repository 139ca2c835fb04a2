import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { PoolEvent, PoolKeeper, PoolPolicyOptions } from '@poolkeeper/core'
import { applyPoolPolicy, keeperOf, withPoolPolicy } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { fill } from '../chaos/load.ts'
import { type FaultProxy, startFaultProxy } from '../faults/proxy.ts'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { collectGarbage } from './collect-garbage.ts'
import { silent } from './knex-harness.ts'

const postgres = requireServer('postgres')
const mariadb = requireServer('mariadb')

const WINDOW_MILLIS = 50

interface Kept {
  readonly db: Knex
  readonly keeper: PoolKeeper
}

/** Nothing is lent, asked or awaited; every acquire was given back. */
async function atRest({ keeper }: Kept): Promise<void> {
  await vi.waitUntil(() => {
    const { used, validating, opening, closing, pending } = keeper.stats()
    return used + validating + opening + closing + pending === 0
  }, 5_000)
  const { acquires, useMillis } = keeper.stats()
  expect(useMillis.count).toBe(acquires.ok)
}

postgres.describe('what Knex does with its pool, on PostgreSQL', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(postgres)
  })
  afterAll(() => server.stop())

  const address = (): Knex.PgConnectionConfig => {
    const { host, port, user, database } = server
    return { host, port, user, database }
  }

  function open(policy: PoolPolicyOptions = {}, config: Partial<Knex.Config> = {}): Kept {
    const db = knex(withPoolPolicy(silent({ client: 'pg', connection: address(), ...config }), { max: 3, ...policy }))
    onTestFinished(() => db.destroy())
    return { db, keeper: keeperOf(db) }
  }

  const pidOf = async (db: Knex | Knex.Transaction): Promise<number> => {
    const { rows } = await db.raw('select pg_backend_pid() as pid')
    return rows[0].pid
  }

  test('migrations go up, down and to the latest, and seeds are sown', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'poolkeeper-knex-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const migration = (table: string): string =>
      `exports.up = (knex) => knex.schema.createTable('${table}', (table) => table.integer('value'))
       exports.down = (knex) => knex.schema.dropTable('${table}')`
    writeFileSync(join(folder, '1_first.cjs'), migration('features_first'))
    writeFileSync(join(folder, '2_second.cjs'), migration('features_second'))
    const seeds = mkdtempSync(join(tmpdir(), 'poolkeeper-knex-'))
    onTestFinished(() => rmSync(seeds, { recursive: true, force: true }))
    writeFileSync(join(seeds, 'sow.cjs'), `exports.seed = (knex) => knex('features_first').insert({ value: 1 })`)
    const kept = open({}, {
      migrations: { directory: folder, tableName: 'features_migrations', loadExtensions: ['.cjs'] },
      seeds: { directory: seeds, loadExtensions: ['.cjs'] },
    })
    const { db } = kept
    await db.migrate.up()
    expect(await db.schema.hasTable('features_second')).toBe(false)
    await db.migrate.latest()
    expect(await db.schema.hasTable('features_second')).toBe(true)
    await db.seed.run()
    expect(await db('features_first').select()).toEqual([{ value: 1 }])
    await db.migrate.down()
    expect(await db.schema.hasTable('features_second')).toBe(false)
    await db.migrate.rollback(undefined, true)
    expect(await db.schema.hasTable('features_first')).toBe(false)
    await atRest(kept)
  })

  describe('transactions', () => {
    test('keep one connection, nested ones too, and give it back', async () => {
      const kept = open()
      await kept.db.transaction(async (trx) => {
        const pid = await pidOf(trx)
        await trx.transaction(async (inner) => expect(await pidOf(inner)).toBe(pid))
        await expect(trx.transaction(async (inner) => inner.raw('select nothing'))).rejects.toThrow('nothing')
        expect(await pidOf(trx)).toBe(pid)
        expect(kept.keeper.stats().used).toBe(1)
      })
      await atRest(kept)
      expect(kept.keeper.stats()).toMatchObject({ opens: { ok: 1 }, idle: 1 })
    })

    test('have their isolation level, and roll back', async () => {
      const kept = open()
      const error = new Error('changed my mind')
      const undone = kept.db.transaction(
        async (trx) => {
          const { rows } = await trx.raw('show transaction_isolation')
          expect(rows[0].transaction_isolation).toBe('serializable')
          throw error
        },
        { isolationLevel: 'serializable' },
      )
      await expect(undone).rejects.toBe(error)
      const trx = await kept.db.transaction()
      await trx.rollback()
      await atRest(kept)
    })

    test('whose connection dies fail, and cost no slot', async () => {
      const kept = open({ max: 1 }, { connection: { ...address(), application_name: 'features_trx' } })
      const dying = kept.db.transaction(async (trx) => {
        await trx.raw('select 1')
        await server.terminateAll({ applicationName: 'features_trx' })
        await trx.raw('select 1')
      })
      await expect(dying).rejects.toThrow()
      await atRest(kept)
      await kept.db.raw('select 1')
    })
  })

  describe('what comes back', () => {
    test('P-120: an open transaction is not lent to the next caller', async () => {
      const kept = open({ max: 2 })
      const client = kept.db.client as Knex.Client
      const raw = (await client.acquireConnection()) as object
      await kept.db.raw('begin').connection(raw)
      await client.releaseConnection(raw)
      await expect(kept.db.raw('savepoint nobody')).rejects.toMatchObject({ code: '25P01' })
      await atRest(kept)
    })

    test('P-121: a BEGIN that dies with its connection frees the slot', async () => {
      const connection = { ...address(), application_name: 'features_begin' }
      const kept = open({ max: 1, validateAfterIdleMillis: 60_000 }, { connection })
      await kept.db.raw('select 1')
      server.terminateAllSync({ applicationName: 'features_begin' })
      await expect(kept.db.transaction(async () => {})).rejects.toThrow()
      await kept.db.transaction(async (trx) => void (await trx.raw('select 1')))
      await atRest(kept)
    })

    test('P-123: the session is reset before it is handed over', async () => {
      const kept = open({ max: 1, onReturn: 'reset' })
      const client = kept.db.client as Knex.Client
      const raw = (await client.acquireConnection()) as object
      const waiting = kept.db.raw('show application_name')
      await kept.db.raw(`set application_name = 'left behind'`).connection(raw)
      await client.releaseConnection(raw)
      expect((await waiting).rows[0].application_name).not.toBe('left behind')
      await atRest(kept)
    })
  })

  describe('timeouts and cancellation', () => {
    test('P-128: a cancelled query leaves its connection fit for the next', async () => {
      const kept = open({ max: 1 })
      const pid = await pidOf(kept.db)
      for (let round = 0; round < 3; round++) {
        const slow = kept.db.raw('select pg_sleep(20)').timeout(50, { cancel: true })
        await expect(slow).rejects.toMatchObject({ name: 'KnexTimeoutError' })
        expect(await pidOf(kept.db)).toBe(pid)
      }
      await atRest(kept)
    })

    test('a query that is left alone takes its connection along, and nobody else', async () => {
      const kept = open({ max: 2 })
      await fill(kept.db, 2)
      await expect(kept.db.raw('select pg_sleep(1)').timeout(50)).rejects.toMatchObject({ name: 'KnexTimeoutError' })
      await kept.db.raw('select 1')
      await kept.db.raw('select 1')
      expect(kept.keeper.stats()).toMatchObject({ used: 0, generation: 0 })
      await atRest(kept)
    })
  })

  describe('closing and opening again', () => {
    test('initialize() after destroy() makes a new pool with the same policy', async () => {
      const policy = { max: 3, validateAfterIdleMillis: 777 }
      const fromConfig = open(policy).db
      const applied = knex(silent({ client: 'pg', connection: address() }))
      onTestFinished(() => applied.destroy())
      applyPoolPolicy(applied, policy)
      for (const db of [fromConfig, applied]) {
        await db.raw('select 1')
        await db.destroy()
        db.initialize()
        await db.raw('select 1')
        expect(keeperOf(db).policy).toMatchObject({ validateAfterIdleMillis: 777, max: 3 })
        expect(keeperOf(db).stats()).toMatchObject({ idle: 1, acquires: { ok: 1 } })
      }
    })

    test('destroy() takes a callback, and may be called twice', async () => {
      const { db } = open()
      await db.raw('select 1')
      await new Promise<void>((resolve) => db.destroy(resolve))
      await db.destroy()
    })

    test('destroy() ends in bounded time although a connection never comes back', async () => {
      const kept = open({ drainTimeoutMillis: 200 })
      const trx = await kept.db.transaction()
      const startedAt = performance.now()
      await kept.db.destroy()
      expect(performance.now() - startedAt).toBeLessThan(2_000)
      await expect(trx.raw('select 1')).rejects.toThrow()
      await trx.rollback().catch(() => {})
    })
  })

  test('transactions and clones have the keeper of their instance', async () => {
    const { db, keeper } = open()
    expect(keeperOf(db.withUserParams({ tenant: 1 }))).toBe(keeper)
    await db.transaction(async (trx) => {
      expect(keeperOf(trx)).toBe(keeper)
      await trx.transaction(async (inner) => expect(keeperOf(inner)).toBe(keeper))
    })
    await db.withUserParams({ tenant: 2 }).raw('select 1')
    expect(keeper.stats().acquires.ok).toBe(2)
  })

  test('the same policy again, on an instance that has it from its configuration, is the same keeper', () => {
    const policy = { max: 3, name: 'once' }
    const { db, keeper } = open(policy)
    expect(applyPoolPolicy(db, { ...policy })).toBe(keeper)
    expect(() => applyPoolPolicy(db, { max: 4 })).toThrow(expect.objectContaining({ code: 'ALREADY_APPLIED' }))
  })

  describe("the user's own pool.validate", () => {
    async function afterIdle(validate: (connection: object) => unknown, policy: PoolPolicyOptions = {}): Promise<Kept> {
      const pool = { min: 0, max: 3, validate } as Knex.PoolConfig
      const kept = open({ validateAfterIdleMillis: WINDOW_MILLIS, ...policy }, { pool })
      await kept.db.raw('select 1')
      await sleep(2 * WINDOW_MILLIS)
      return kept
    }

    test('is obeyed at every checkout', async () => {
      let isFit = true
      const validate = vi.fn(() => isFit)
      const kept = await afterIdle(validate, { validateAfterIdleMillis: 60_000 })
      const before = await pidOf(kept.db)
      const calls = validate.mock.calls.length
      expect(await pidOf(kept.db)).toBe(before)
      expect(validate.mock.calls.length).toBeGreaterThan(calls)
      isFit = false
      const other = pidOf(kept.db)
      setTimeout(() => (isFit = true), 100)
      expect(await other).not.toBe(before)
      await atRest(kept)
    })

    test('that asks the server is the check: nothing is asked twice', async () => {
      type Client = { query(...args: unknown[]): unknown }
      const asked: unknown[] = []
      const own = vi.fn(async (connection: object) => Boolean(await (connection as Client).query('select 1')))
      const kept = await afterIdle(own)
      const client = kept.db.client as Knex.Client
      const raw = (await client.acquireConnection()) as Client
      const { query } = raw
      raw.query = (...args) => {
        asked.push(args[0])
        return Reflect.apply(query, raw, args)
      }
      await client.releaseConnection(raw)
      await sleep(2 * WINDOW_MILLIS)
      own.mockClear()
      await client.acquireConnection()
      expect(own).toHaveBeenCalledTimes(1)
      expect(asked).toEqual(['select 1'])
      await client.releaseConnection(raw)
      await atRest(kept)
    })

    test.each([
      ['throws', () => {
          throw new Error('no')
        }],
      ['rejects', () => Promise.reject(new Error('no'))],
      ['says no', () => false],
      ['says nothing', () => undefined],
      ['never answers', () => new Promise(() => {})],
    ])('P-055: that %s once costs that connection, and no caller anything', async (_how, refuse: () => unknown) => {
      let calls = 0
      const policy = { validationTimeoutMillis: 200 }
      const kept = await afterIdle(() => (++calls === 2 ? refuse() : true), policy)
      const startedAt = performance.now()
      await kept.db.raw('select 1')
      expect(performance.now() - startedAt).toBeLessThan(1_500)
      await atRest(kept)
      const { closes } = kept.keeper.stats()
      expect(closes.invalid + closes.stale + closes.host + closes.overflow).toBe(1)
    })
  })

  describe('afterCreate', () => {
    test('P-109: runs once for each connection, also for those that are opened ahead', async () => {
      const afterCreate = vi.fn((_connection: object, done: (error?: Error) => void) => done())
      const kept = open({ min: 2 }, { pool: { min: 0, max: 3, afterCreate } })
      await kept.keeper.ready()
      await fill(kept.db, 3)
      await kept.keeper.recycle()
      await fill(kept.db, 3)
      expect(afterCreate).toHaveBeenCalledTimes(kept.keeper.stats().opens.ok)
      expect(new Set(afterCreate.mock.calls.map(([connection]) => connection)).size).toBe(afterCreate.mock.calls.length)
    })

    test('P-107: that fails costs no slot, however often', async () => {
      let fails = true
      const afterCreate = (_connection: object, done: (error?: Error) => void): void =>
        done(fails ? new Error('not this one') : undefined)
      const kept = open({ max: 3 }, { pool: { min: 0, max: 3, afterCreate } })
      for (let attempt = 0; attempt < 6; attempt++) {
        await expect(kept.db.raw('select 1')).rejects.toThrow('not this one')
      }
      fails = false
      await fill(kept.db, 3)
      expect(kept.keeper.stats()).toMatchObject({ idle: 3, opens: { ok: 3, failed: 6 } })
    })
  })

  test('P-167: a connection function is asked again when its settings have expired, and new ones are used', async () => {
    await server.admin.query(`drop role if exists rotating`)
    await server.admin.query(`create role rotating login password 'first' in role needs_password`)
    onTestFinished(async () => void (await server.admin.query('drop role rotating')))
    let password = 'first'
    let isExpired = false
    const connection = vi.fn(() => ({ ...address(), user: 'rotating', password, expirationChecker: () => isExpired }))
    const kept = open({}, { connection })
    const before = await pidOf(kept.db)
    expect(await pidOf(kept.db)).toBe(before)
    expect(connection).toHaveBeenCalledTimes(1)
    await server.admin.query(`alter role rotating password 'second'`)
    password = 'second'
    isExpired = true
    connection.mockImplementation(() => {
      isExpired = false
      return { ...address(), user: 'rotating', password, expirationChecker: () => isExpired }
    })
    expect(await pidOf(kept.db)).not.toBe(before)
    expect(connection).toHaveBeenCalledTimes(2)
    await atRest(kept)
  })

  test("Knex's own maxConnectionLifetimeMillis is taken over", async () => {
    const pool = { min: 0, max: 3, maxConnectionLifetimeMillis: 1_000 } as Knex.PoolConfig
    const { db, keeper } = open({ min: 1, lifetimeSpread: 0 }, { pool })
    expect(keeper.policy).toMatchObject({ maxLifetimeMillis: 1_000 })
    expect(keeper.policy.sources.maxLifetimeMillis).toBe('host')
    await keeper.ready()
    await vi.waitUntil(() => keeper.stats().replacements === 1, 3_000)
    await db.raw('select 1')
    expect(keeper.stats().opens.ok).toBe(2)
  })

  describe('connectionPool', () => {
    test('with a tarn pool is kept', async () => {
      const owner = knex(silent({ client: 'pg', connection: address() }))
      onTestFinished(() => owner.destroy())
      const shared = { client: 'pg', connectionPool: (owner.client as { pool: unknown }).pool } as unknown as Knex.Config
      const db = knex(withPoolPolicy(shared, { validateAfterIdleMillis: WINDOW_MILLIS }))
      await db.raw('select 1')
      await sleep(2 * WINDOW_MILLIS)
      await db.raw('select 1')
      expect(keeperOf(db).stats()).toMatchObject({ acquires: { ok: 2 }, validations: { ok: 1 } })
      keeperOf(db).detach()
    })

    test("with another driver's own pool is refused", () => {
      const refuse = (client: string, connectionPool: object, name: string): void => {
        const config = { client, connectionPool } as unknown as Knex.Config
        const unsupported = expect.objectContaining({ code: 'UNSUPPORTED_HOST', message: expect.stringContaining(name) })
        expect(() => knex(withPoolPolicy(config))).toThrow(unsupported)
        expect(() => applyPoolPolicy(knex(config))).toThrow(unsupported)
      }
      refuse('pg', { connect: () => {} }, 'native pg pool')
      refuse('mysql', { getConnection: () => {} }, 'native mysql pool')
    })
  })

  describe('secrets', () => {
    const SECRET = 'correct-horse'

    test.each([
      ['in the settings', () => ({ ...address(), user: 'guarded', password: SECRET })],
      ['in a URL', () => `postgres://guarded:${SECRET}@${server.host}:${server.port}/${server.database}`],
    ])('P-173: %s are neither in names, nor in events, nor in errors', async (_where, connection) => {
      await server.admin.query('drop role if exists guarded')
      await server.admin.query(`create role guarded login password 'another' in role needs_password`)
      const { db, keeper } = open({ acquireTimeoutMillis: 1_000 }, { connection: connection() })
      const events: PoolEvent[] = []
      keeper.subscribe((event) => void events.push(event))
      const error: unknown = await db.raw('select 1').catch((reason: unknown) => reason)
      const refusal: unknown = await keeper.ready({ timeoutMillis: 100 }).catch((reason: unknown) => reason)
      await server.admin.query('drop role guarded')
      const { policy } = keeper
      const told = inspect([keeper.name, keeper.stats(), policy, events, error, refusal], { depth: 12, showHidden: true })
      expect(told).toContain('28P01')
      expect(told).not.toContain(SECRET)
    })
  })

  test('P-172: a keeper is not held in memory by a pool that was closed', async () => {
    const kept: WeakRef<PoolKeeper>[] = []
    for (let round = 0; round < 20; round++) {
      const db = knex(withPoolPolicy(silent({ client: 'pg', connection: address() }), { max: 2 }))
      await db.raw('select 1')
      kept.push(new WeakRef(keeperOf(db)))
      await db.destroy()
    }
    await vi.waitUntil(() => {
      collectGarbage()
      return kept.filter((ref) => ref.deref() !== undefined).length <= 2
    }, 5_000)
  })
})

mariadb.describe('what Knex does with its pool, on MariaDB', () => {
  let server: MariadbServer
  let proxy: FaultProxy

  beforeAll(async () => {
    server = await attachMariadb(mariadb)
    proxy = await startFaultProxy({ target: server })
  })
  afterAll(async () => {
    await proxy.close()
    await server.stop()
  })

  function open(policy: PoolPolicyOptions = {}): Kept {
    const { user, database } = server
    const connection = { host: proxy.host, port: proxy.port, user, database }
    const db = knex(withPoolPolicy(silent({ client: 'mysql2', connection }), { max: 2, ...policy }))
    onTestFinished(() => db.destroy())
    return { db, keeper: keeperOf(db) }
  }

  test('P-137: a server that becomes read-only loses its connections', async () => {
    const kept = open({ validateRole: 'writable', validateAfterIdleMillis: WINDOW_MILLIS, acquireTimeoutMillis: 1_000 })
    await fill(kept.db, 2)
    await server.admin.query('set global read_only = 1')
    onTestFinished(async () => void (await server.admin.query('set global read_only = 0')))
    await sleep(2 * WINDOW_MILLIS)
    await expect(kept.db.raw('select 1')).rejects.toThrow()
    expect(kept.keeper.stats().closes.role).toBeGreaterThanOrEqual(2)
    await server.admin.query('set global read_only = 0')
    await kept.db.raw('select 1')
    await atRest(kept)
  })

  const ROWS = 5_000

  describe('streams', () => {
    test('come to their end, and give the connection back once', async () => {
      const kept = open()
      let rows = 0
      for await (const _row of kept.db.raw(`select seq from seq_1_to_${ROWS}`).stream()) rows++
      expect(rows).toBe(ROWS)
      await atRest(kept)
      expect(kept.keeper.stats()).toMatchObject({ idle: 1, useMillis: { count: 1 } })
    })

    test('that are broken off early free their slot', async () => {
      const kept = open({ max: 1 })
      for (let round = 0; round < 3; round++) {
        for await (const _row of kept.db.raw(`select seq from seq_1_to_${ROWS}`).stream()) break
      }
      await kept.db.raw('select 1')
      await atRest(kept)
    })

    test("whose connection Knex gives back twice do not free somebody else's", async () => {
      const kept = open({ max: 1 })
      const stream = kept.db.raw('select seq from seq_1_to_500').stream({ highWaterMark: 1 })
      let waiting: Promise<Knex.Transaction> | undefined
      for await (const _row of stream) {
        waiting ??= kept.db.transaction()
        await sleep(0)
      }
      const trx = await (waiting ?? Promise.reject(new Error('no row')))
      await sleep(50)
      expect(kept.keeper.stats().used).toBe(1)
      const other = kept.db.raw('select connection_id() as id')
      const first = await Promise.race([other.then(() => 'served'), sleep(100, 'waits')])
      expect(first).toBe('waits')
      await trx.rollback()
      await other
      await atRest(kept)
    })
  })
})
