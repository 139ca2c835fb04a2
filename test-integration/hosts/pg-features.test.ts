import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { applyPoolPolicy, findPoolkeeperError, type PoolEvent, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/pg'
import pg, { type PoolClient, type PoolConfig } from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'

const address = requireServer('postgres')

address.describe('A kept pool of pg', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  let pools = 0

  function settings(options: PoolConfig = {}): PoolConfig {
    const { host, port, user, database } = server
    return { host, port, user, database, application_name: `features_${++pools}`, max: 3, ...options }
  }

  function keep(pool: pg.Pool, policy: PoolPolicyOptions = {}): PoolKeeper {
    const keeper = applyPoolPolicy(pool, { drainTimeoutMillis: 300, ...policy })
    onTestFinished(async () => {
      if (!pool.ending) await pool.end()
    })
    return keeper
  }

  function open(options: PoolConfig = {}, policy: PoolPolicyOptions = {}): { pool: pg.Pool; keeper: PoolKeeper } {
    const pool = new pg.Pool(settings(options))
    return { pool, keeper: keep(pool, policy) }
  }

  const pidOf = async (client: pg.Pool | PoolClient): Promise<number> =>
    (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid ?? 0

  describe('its ordinary ways', () => {
    test('connect() and query() take callbacks as well', async () => {
      const { pool } = open()
      const one = await new Promise<unknown>((resolve, reject) => {
        pool.connect((error, client, release) => {
          if (error) return reject(error)
          client?.query('select 1 as one', (failure, result) => {
            release()
            if (failure) reject(failure)
            else resolve(result.rows[0])
          })
        })
      })
      expect(one).toEqual({ one: 1 })
      const query = promisify((text: string, done: (error: Error | null, result?: pg.QueryResult) => void) =>
        pool.query(text, (error: Error | undefined, result) => done(error ?? null, result)),
      )
      expect((await query('select 2 as two'))?.rows).toEqual([{ two: 2 }])
      expect((await pool.query('select $1::int as three', [3])).rows).toEqual([{ three: 3 }])
    })

    test('a callback is never called within the call that asks', async () => {
      const { pool } = open()
      await pool.query('select 1')
      let isWithin = true
      const wasWithin = new Promise<boolean>((resolve) => {
        pool.connect((_error, _client, release) => {
          release()
          resolve(isWithin)
        })
      })
      isWithin = false
      expect(await wasWithin).toBe(false)
    })

    test('a second release throws, as ever', async () => {
      const { pool } = open()
      const client = await pool.connect()
      client.release()
      expect(() => client.release()).toThrow('Release called on client which has already been released to the pool.')
      expect(pool).toMatchObject({ totalCount: 1, idleCount: 1, waitingCount: 0 })
    })

    test('its counts are true, also of callers whose connection is being asked', async () => {
      const { pool, keeper } = open({ max: 2 }, { validateAfterIdleMillis: 0 })
      const [one, two] = await Promise.all([pool.connect(), pool.connect()])
      const third = pool.connect()
      expect(pool).toMatchObject({ totalCount: 2, idleCount: 0, waitingCount: 1 })
      one.release()
      expect(pool.waitingCount).toBe(1)
      ;(await third).release()
      two.release()
      await vi.waitUntil(() => keeper.stats().used === 0)
      expect(pool).toMatchObject({ totalCount: 2, idleCount: 2, waitingCount: 0 })
    })

    test('a subclass keeps its own ways', async () => {
      class LoggingPool extends pg.Pool {
        readonly calls: string[] = []
        override connect(...args: unknown[]): never {
          this.calls.push('connect')
          return super.connect(...(args as [])) as never
        }
      }
      const pool = new LoggingPool(settings())
      keep(pool)
      await pool.query('select 1')
      ;(await (pool as pg.Pool).connect()).release()
      expect(pool.calls).toEqual(['connect', 'connect'])
    })

    test('a subclass may take its time before it asks', async () => {
      class SlowPool extends pg.Pool {
        override connect(...args: unknown[]): never {
          return sleep(5).then(() => super.connect(...(args as []))) as never
        }
      }
      const pool = new SlowPool(settings({ max: 1 }))
      const keeper = keep(pool, { acquireTimeoutMillis: 200, validationTimeoutMillis: 100 })
      const client = await (pool as pg.Pool).connect()
      await expect((pool as pg.Pool).connect()).rejects.toThrow('timeout exceeded when trying to connect')
      client.release()
      expect(keeper.stats().acquires).toMatchObject({ ok: 1, timedOut: 1 })
    })
  })

  describe('its events', () => {
    test('keep their meaning and their order', async () => {
      const { pool } = open({ max: 1 })
      const told: string[] = []
      for (const event of ['connect', 'acquire', 'release', 'remove'] as const) pool.on(event, () => told.push(event))
      await pool.query('select 1')
      const client = await pool.connect()
      client.release(true)
      await vi.waitUntil(() => told.includes('remove'))
      expect(told).toEqual(['connect', 'acquire', 'release', 'acquire', 'release', 'remove'])
    })

    test('the first statement of a connection is that of its connect listener', async () => {
      const { pool } = open()
      pool.on('connect', (client) => void client.query("set application_name = 'told'"))
      expect((await pool.query('show application_name')).rows).toEqual([{ application_name: 'told' }])
    })

    test('P-136: an idle connection that dies is an error of the pool, and ends no process without a listener', async () => {
      const { pool, keeper } = open()
      await pool.query('select 1')
      const pid = await pidOf(pool)
      await server.admin.query('select pg_terminate_backend($1)', [pid])
      await vi.waitUntil(() => keeper.stats().closes.fatal === 1)
      const heard: unknown[] = []
      pool.on('error', (error: Error & { client?: unknown }, client) => heard.push(error.message, error.client === client))
      await server.admin.query('select pg_terminate_backend($1)', [await pidOf(pool)])
      await vi.waitUntil(() => heard.length > 0)
      expect(heard).toEqual(['terminating connection due to administrator command', true])
    })

    test('a listener that throws is heard of as ever, and costs nothing', async () => {
      const { pool, keeper } = open()
      const thrown: unknown[] = []
      const listeners = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.once('uncaughtException', (error) => thrown.push(error))
      pool.once('acquire', () => {
        throw new Error('a listener of no manners')
      })
      await pool.query('select 1')
      await vi.waitUntil(() => thrown.length > 0)
      for (const listener of listeners) process.on('uncaughtException', listener)
      expect(thrown).toEqual([expect.objectContaining({ message: 'a listener of no manners' })])
      expect(keeper.stats()).toMatchObject({ used: 0, idle: 1 })
    })
  })

  describe('an error', () => {
    test('P-129: of a statement in pool.query() costs no connection', async () => {
      const { pool, keeper } = open({ max: 1 })
      const before = await pidOf(pool)
      await expect(pool.query('select nothing from nowhere')).rejects.toMatchObject({ code: '42P01' })
      await expect(pool.query('select $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' })
      expect(await pidOf(pool)).toBe(before)
      expect(keeper.stats()).toMatchObject({ opens: { ok: 1 }, used: 0, idle: 1 })
    })

    test('P-129: of a thousand statements that break a unique key opens no more connections than the pool may have', async () => {
      await server.admin.query('drop table if exists taken; create table taken (id int primary key); insert into taken values (1)')
      await server.admin.query('grant insert on taken to public')
      onTestFinished(async () => void (await server.admin.query('drop table taken')))
      const openedBy = async (statements: number, pool: pg.Pool): Promise<number> => {
        let connections = 0
        let refused = 0
        pool.on('connect', () => connections++)
        const insert = async (): Promise<void> => {
          for (let time = 0; time < statements / 10; time++) {
            await pool.query('insert into taken values ($1)', [1]).catch(({ code }: { code: string }) => {
              if (code === '23505') refused++
            })
          }
        }
        await Promise.all(Array.from({ length: 10 }, insert))
        await pool.end()
        expect(refused).toBe(statements)
        return connections
      }
      expect(await openedBy(1_000, open({ max: 3 }).pool)).toBeLessThanOrEqual(3)
      expect(await openedBy(100, new pg.Pool(settings({ max: 3 })))).toBe(100)
    })

    test('of the connection in pool.query() costs that connection', async () => {
      const { pool, keeper } = open({ max: 1 })
      const before = await pidOf(pool)
      await expect(pool.query('select pg_terminate_backend(pg_backend_pid())')).rejects.toThrow()
      expect(await pidOf(pool)).not.toBe(before)
      expect(keeper.stats()).toMatchObject({ closes: { fatal: 1 }, opens: { ok: 2 } })
    })

    test('that a holder gives back with his connection has it closed, as ever', async () => {
      const { pool, keeper } = open({ max: 1 })
      const client = await pool.connect()
      const before = await pidOf(client)
      client.release(new Error('no more of this one'))
      expect(await pidOf(pool)).not.toBe(before)
      expect(keeper.stats().closes.host).toBe(1)
    })

    test('P-121: a BEGIN that dies with its connection frees the place, though nobody gives it back', async () => {
      const { pool, keeper } = open({ max: 1 })
      const client = await pool.connect()
      const pid = await pidOf(client)
      await server.admin.query('select pg_terminate_backend($1)', [pid])
      await expect(client.query('begin')).rejects.toThrow()
      await pool.query('select 1')
      expect(keeper.stats()).toMatchObject({ used: 0, idle: 1, closes: { fatal: 1 } })
      // Late, and allowed.
      client.release()
      expect(keeper.stats()).toMatchObject({ used: 0, idle: 1 })
    })

    test('at the deadline has the words of pg-pool, and ours as its cause', async () => {
      const { pool } = open({ max: 1, connectionTimeoutMillis: 150 })
      const client = await pool.connect()
      const error: unknown = await pool.query('select 1').then(
        () => undefined,
        (reason: unknown) => reason,
      )
      client.release()
      expect(error).toMatchObject({ message: 'timeout exceeded when trying to connect' })
      expect(findPoolkeeperError(error)).toMatchObject({ code: 'POOL_EXHAUSTED', counts: { used: 1 } })
    })
  })

  describe('what comes back', () => {
    test('P-120: in an open transaction is rolled back before it is lent again', async () => {
      const { pool, keeper } = open({ max: 2 })
      const events: PoolEvent[] = []
      keeper.subscribe((event) => void events.push(event))
      const [client, other] = await Promise.all([pool.connect(), pool.connect()])
      const pid = await pidOf(client)
      await client.query('begin')
      client.release()
      const next = await pool.connect()
      other.release()
      expect(await pidOf(next)).toBe(pid)
      expect((await next.query('select pg_current_xact_id_if_assigned() as id')).rows).toEqual([{ id: null }])
      await next.query('savepoint a').catch(() => {})
      next.release()
      expect(events.filter(({ type }) => type === 'dirtyReturn')).toHaveLength(1)
    })

    test('P-128: with a statement under way is lent when that has ended', async () => {
      const { pool, keeper } = open({ max: 1 })
      const client = await pool.connect()
      const before = await pidOf(client)
      const late = client.query("select pg_sleep(0.2), 'late' as answer")
      client.release()
      expect(keeper.stats()).toMatchObject({ used: 1, idle: 0 })
      const next = await pool.connect()
      expect((await late).rows).toEqual([expect.objectContaining({ answer: 'late' })])
      expect(await pidOf(next)).toBe(before)
      next.release()
    })

    test('P-128: with a statement that takes longer than a caller may wait is closed', async () => {
      const { pool, keeper } = open({ max: 1 }, { acquireTimeoutMillis: 200, validationTimeoutMillis: 100 })
      const client = await pool.connect()
      const late = client.query('select pg_sleep(20)').catch(({ message }: Error) => message)
      client.release()
      expect(await late).toMatch('Connection terminated')
      expect(keeper.stats()).toMatchObject({ used: 0, closes: { host: 1 } })
      await pool.query('select 1')
    })

    test('P-128: with a statement that its caller has given up is not lent', async () => {
      const { pool, keeper } = open({ max: 1, query_timeout: 100 })
      const client = await pool.connect()
      const before = await pidOf(client)
      await expect(client.query('select pg_sleep(1)')).rejects.toThrow('Query read timeout')
      client.release()
      const next = await pool.connect()
      expect(await pidOf(next)).not.toBe(before)
      next.release()
      expect(keeper.stats().closes.host).toBe(1)
    })

    test('and what pool.query() has given up is closed', async () => {
      const { pool, keeper } = open({ max: 1, query_timeout: 100 })
      await expect(pool.query('select pg_sleep(1)')).rejects.toThrow('Query read timeout')
      await pool.query('select 1')
      expect(keeper.stats().closes.fatal).toBe(1)
    })
  })

  describe('end()', () => {
    test('P-161: answers who waits, in either form, and is over though a client is never given back', async () => {
      const { pool, keeper } = open({ max: 1 }, { drainTimeoutMillis: 200 })
      await pool.connect()
      const answers = Promise.all([
        pool.connect().catch(({ message }: Error) => message),
        pool.query('select 1').catch(({ message }: Error) => message),
        new Promise<string | undefined>((resolve) => pool.connect((error) => resolve(error?.message))),
      ])
      await new Promise<void>((resolve) => pool.end(resolve))
      expect(await answers).toEqual(Array(3).fill(expect.stringContaining('is being drained')))
      expect(keeper.stats()).toMatchObject({ used: 0, pending: 0, closes: { drain: 1 }, acquires: { refused: 3 } })
      expect(pool).toMatchObject({ totalCount: 0, waitingCount: 0, ended: true })
    })

    test('lets a statement under way finish', async () => {
      const { pool } = open()
      const slow = pool.query('select pg_sleep(0.1), 1 as one')
      await vi.waitUntil(() => pool.totalCount === 1 && pool.waitingCount === 0)
      await pool.end()
      expect((await slow).rows).toMatchObject([{ one: 1 }])
    })
  })

  describe('a leak', () => {
    const leaked = (keeper: PoolKeeper): Promise<PoolEvent> =>
      new Promise((resolve) => {
        keeper.subscribe((event) => {
          if (event.type === 'leaked') resolve(event)
        })
      })

    test('P-150: is told with its last statement, in every form that pg takes', async () => {
      const { pool, keeper } = open({}, { leakThresholdMillis: 100 })
      for (const query of ['select 1 + 1', { text: 'select $1::int', values: [2] }, { name: 'named', text: 'select 3' }]) {
        const telling = leaked(keeper)
        const client = await pool.connect()
        await client.query('select 0')
        await client.query(query)
        expect(await telling).toMatchObject({ lastQuery: typeof query === 'string' ? query : query.text })
        client.release()
      }
    })

    test('is followed on what was open before, for as long as it is wanted', async () => {
      const { pool, keeper } = open()
      const opened = await pool.connect()
      expect(Object.hasOwn(opened, 'query')).toBe(false)
      opened.release()
      keeper.reconfigure({ leakThresholdMillis: 100 })
      const telling = leaked(keeper)
      const client = await pool.connect()
      expect(client).toBe(opened)
      await client.query('select 1')
      expect(await telling).toMatchObject({ lastQuery: 'select 1' })
      keeper.reconfigure({ leakThresholdMillis: false })
      expect(Object.hasOwn(client, 'query')).toBe(false)
      client.release()
    })

    test('a client that is used after its release is told of', async () => {
      const { pool, keeper } = open({}, { leakThresholdMillis: 60_000 })
      const events: PoolEvent[] = []
      keeper.subscribe((event) => events.push(event))
      const client = await pool.connect()
      client.release()
      await client.query('select 1')
      expect(events).toContainEqual(expect.objectContaining({ type: 'misused', misuse: 'usedAfterRelease' }))
    })
  })

  describe("its user's options", () => {
    test('verify is asked of every new connection, also of those that are opened ahead', async () => {
      const asked: unknown[] = []
      const verify = (client: PoolClient, done: (error?: Error) => void): void => {
        client.query('select 1', (error) => {
          asked.push(client)
          done(error)
        })
      }
      const { keeper } = open({ verify }, { min: 2 })
      await keeper.ready()
      expect(asked).toHaveLength(2)
    })

    test('P-107: verify that refuses costs no place, and its error is the answer', async () => {
      let refusals = 3
      const verify = (_client: PoolClient, done: (error?: Error) => void): void =>
        done(refusals-- > 0 ? new Error('not this one') : undefined)
      const { pool, keeper } = open({ max: 1, verify })
      for (let attempt = 0; attempt < 3; attempt++) await expect(pool.connect()).rejects.toThrow('not this one')
      await pool.query('select 1')
      expect(keeper.stats()).toMatchObject({ opens: { ok: 1, failed: 3 }, idle: 1, opening: 0 })
    })

    test('onConnect is awaited', async () => {
      const onConnect = async (client: PoolClient): Promise<void> => {
        await sleep(20)
        await client.query("set application_name = 'prepared'")
      }
      const { pool } = open({ onConnect } as object)
      expect((await pool.query('show application_name')).rows).toEqual([{ application_name: 'prepared' }])
    })

    test('min is opened ahead when the policy names it, and refilled', async () => {
      const { pool, keeper } = open({ max: 3 }, { min: 2 })
      await vi.waitUntil(() => pool.idleCount === 2)
      await server.terminateAll({ applicationName: pool.options.application_name ?? '' })
      await vi.waitUntil(() => {
        const { fatal, invalid, stale } = keeper.stats().closes
        return fatal + invalid + stale === 2 && pool.idleCount === 2
      }, 5_000)
      const bare = new pg.Pool(settings({ min: 2 }))
      await sleep(100)
      expect(bare.totalCount).toBe(0)
    })

    test('are what the policy is made of, where it says nothing', async () => {
      const pool = new pg.Pool(
        settings({ max: 7, min: 1, idleTimeoutMillis: 0, connectionTimeoutMillis: 1_500, maxUses: 9, maxLifetimeSeconds: 60 }),
      )
      const keeper = keep(pool)
      expect(keeper.policy).toMatchObject({
        max: 7,
        min: 1,
        idleTimeoutMillis: false,
        acquireTimeoutMillis: 1_500,
        connectTimeoutMillis: 1_500,
        maxUses: 9,
        maxLifetimeMillis: 60_000,
        sources: { max: 'host', maxUses: 'host', maxLifetimeMillis: 'host', keepaliveMillis: 'default' },
      })
    })
  })

  describe('detached', () => {
    test('in the middle of everything, it serves who waits', async () => {
      const { pool, keeper } = open({ max: 2 })
      const [one, two] = await Promise.all([pool.connect(), pool.connect()])
      const waiting = [pool.connect(), pool.connect(), pool.query('select 1')] as const
      const late = two.query('select pg_sleep(0.1)')
      two.release()
      keeper.detach()
      one.release()
      ;(await waiting[0]).release()
      ;(await waiting[1]).release()
      await waiting[2]
      await late
      expect(pool).toMatchObject({ totalCount: 2, idleCount: 2, waitingCount: 0 })
    })

    test('while it connects, what arrives is the pool’s', async () => {
      const { pool, keeper } = open({ max: 2 })
      const asking = pool.connect()
      keeper.detach()
      ;(await asking).release()
      expect(pool).toMatchObject({ totalCount: 1, idleCount: 1 })
    })

    test('it closes idle connections in its own time again', async () => {
      const { pool, keeper } = open({ max: 2, idleTimeoutMillis: 50 })
      await pool.query('select 1')
      keeper.detach()
      await vi.waitUntil(() => pool.totalCount === 0)
    })
  })

  test('a policy that comes late attends what is there: idle, in use, being connected, waiting', async () => {
    const pool = new pg.Pool(settings({ max: 3, maxLifetimeSeconds: 100 }))
    const [one, two] = await Promise.all([pool.connect(), pool.connect()])
    one.release()
    const idle = await pidOf(two)
    const third = [pool.connect(), pool.connect(), pool.connect()] as const
    const keeper = keep(pool)
    expect(keeper.stats()).toMatchObject({ max: 3 })
    two.release()
    const clients = await Promise.all(third)
    expect(await Promise.all(clients.map((client) => pidOf(client)))).toContain(idle)
    for (const client of clients) client.release()
    expect(keeper.stats()).toMatchObject({ used: 0, idle: 3, pending: 0 })
    expect(pool).toMatchObject({ totalCount: 3, idleCount: 3 })
  })

  test('P-172: is not held in memory by its keeper after its end', async () => {
    const { pool, keeper } = open()
    await pool.query('select 1')
    await pool.end()
    expect(keeper.stats()).toMatchObject({ used: 0, idle: 0, opening: 0, closing: 0 })
    await expect(pool.connect()).rejects.toThrow('Cannot use a pool after calling end on the pool')
    await expect(pool.end()).rejects.toThrow('Called end on pool more than once')
  })
})
