import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { findPoolkeeperError } from '@poolkeeper/ioredis'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { report } from '../chaos/load.ts'
import { type RedisServer, startRedis } from '../harness/redis.ts'
import { until } from '../harness/until.ts'
import versions from '../versions.json' with { type: 'json' }
import { outcomeOf, redisScene } from './ioredis-pool.ts'

const require = createRequire(import.meta.url)
let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(() => server.command('FLUSHALL'))

/** Adds one to a number that others add to, and tries again when one of them was faster. */
async function addOne(client: Redis, key: string): Promise<void> {
  for (;;) {
    await client.watch(key)
    const count = Number(await client.get(key))
    if ((await client.multi().set(key, count + 1).exec()) !== null) return
  }
}

describe.each(versions.ioredis)('a lease of ioredis $version', ({ package: name }) => {
  const { Redis: Client } = require(name) as { Redis: typeof Redis }

  test('is a client for oneself: what is watched is nobody else’s, and counters are exact', async () => {
    const { pool } = await redisScene(server, { Client, policy: { max: 8 } })
    await Promise.all(Array.from({ length: 20 }, () => pool.use((client) => addOne(client, 'count'))))
    expect(await pool.get('count')).toBe('20')
  })

  test('with a WATCH whose connection is lost fails by type, where a bare client connects again and lets two writers win', async () => {
    const { pool, bare, proxy } = await redisScene(server, { Client })
    const client = bare()
    await client.set('stock', '1')
    await client.watch('stock')
    const sold = pool.use(async (leased) => {
      await leased.watch('stock')
      proxy.cut()
      await until('both have seen it', async () => leased.status === 'end' && (await client.ping()) === 'PONG')
      await server.command('SET', 'stock', '0')
      return leased.multi().set('stock', 'sold twice').exec()
    })
    const { error } = await outcomeOf(sold)
    const second = await client.multi().set('stock', 'sold twice').exec()
    const code = findPoolkeeperError(error)?.code ?? 'no error'
    report('a WATCH across a forced reconnect', { 'a second writer wins, bare': second === null ? 'no' : 'yes', 'a lease says': code })
    expect(code).toBe('CONNECTION_LOST')
    expect(second).toEqual([[null, 'OK']])
  })

  test('leaves nothing behind: WATCH, MULTI, another database, subscriptions, tracking, listeners', async () => {
    const { pool, keeper } = await redisScene(server, { Client, policy: { max: 2 }, options: { db: 1 } })
    const spoilers: ((client: Redis) => Promise<unknown>)[] = [
      (client) => client.watch('key'),
      (client) => client.multi({ pipeline: false }),
      (client) => client.select(5),
      (client) => client.subscribe('news'),
      (client) => client.call('CLIENT', 'TRACKING', 'ON'),
    ]
    let heard = 0
    const ids = new Set<unknown>()
    for (const spoil of spoilers) {
      await pool.use(async (client) => {
        client.on('message', () => heard++)
        await spoil(client)
      })
      await server.command('PUBLISH', 'news', 'text')
      const seen = await pool.use(async (client) => {
        ids.add(await client.client('ID'))
        await client.set('key', 'value')
        return [client.listenerCount('message'), await client.multi().get('key').exec()]
      })
      expect(seen).toEqual([0, [[null, 'value']]])
    }
    expect({ heard, connections: ids.size, opened: keeper.stats().opens.ok }).toEqual({ heard: 0, connections: 1, opened: 1 })
  })
})

describe('a lease', () => {
  test('that nothing was left on is returned without a round trip', async () => {
    const { pool } = await redisScene(server)
    const commandsOf = async (): Promise<number> => Number(/total_commands_processed:(\d+)/.exec(await server.command('INFO', 'stats'))?.[1])
    await pool.use((client) => client.ping())
    const before = await commandsOf()
    const between = await commandsOf()
    await pool.use((client) => client.ping())
    const after = await commandsOf()
    expect(after - between - (between - before)).toBe(1)
  })

  test('is closed when its holder changed what cannot be changed back', async () => {
    const { pool, keeper } = await redisScene(server)
    await pool.use((client) => client.client('SETNAME', 'mine'))
    await until('it is closed', () => Promise.resolve(keeper.stats().closes.host === 1))
    expect(await pool.use((client) => client.client('GETNAME'))).toBeNull()
  })

  test('knows the scripts of the pool, and says so when it is used after its end', async () => {
    const { pool } = await redisScene(server)
    pool.defineCommand('two', { lua: 'return 2', numberOfKeys: 0 })
    const lease = await pool.lease()
    expect(await (lease.client as unknown as { two(): Promise<number> }).two()).toBe(2)
    await lease[Symbol.asyncDispose]()
    await expect(lease.client.get('key')).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await expect(pool.use(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
  })

  test('that is given back twice is taken from nobody who has it by then', async () => {
    const { pool, keeper } = await redisScene(server, { policy: { max: 2, acquireTimeoutMillis: 200 } })
    const first = await pool.lease()
    await first.release()
    await using second = await pool.lease()
    expect(await second.client.client('ID')).toBeGreaterThan(0)
    await first.release()
    expect(await second.client.ping()).toBe('PONG')
    expect(keeper.stats().used).toBe(1)
    expect((await outcomeOf(pool.lease())).error).toBeInstanceOf(Error)
  })

  test('gets the messages that it subscribed to, while others use the pool', async () => {
    const { pool } = await redisScene(server)
    const message = await pool.use(async (client) => {
      const first = new Promise((resolve) => void client.once('message', (channel, text) => resolve([channel, text])))
      await client.subscribe('news')
      await pool.publish('news', 'text')
      return first
    })
    expect(message).toEqual(['news', 'text'])
  })

  test('is taken by a blocking command by itself, and no other command waits for it', async () => {
    const { pool } = await redisScene(server, { policy: { max: 4 } })
    const jobs = [pool.blpop('jobs', 0), pool.brpop('jobs', 5), pool.xread('BLOCK', 0, 'STREAMS', 'stream', '$')]
    await until('three are blocked', async () => /blocked_clients:3/.test(await server.command('INFO', 'clients')))
    expect(await pool.ping()).toBe('PONG')
    await pool.rpush('jobs', 'one', 'two')
    await pool.xadd('stream', '*', 'field', 'value')
    expect(await Promise.all(jobs)).toMatchObject([['jobs', expect.any(String)], ['jobs', expect.any(String)], [['stream', expect.anything()]]])
    expect(await pool.blpop('none', 0.05)).toBeNull()
    expect(await server.connections()).toHaveLength(4)
  })

  test('counts with the lanes: never more connections than `max`, and who finds none in time is told', async () => {
    const { pool, keeper } = await redisScene(server, { policy: { max: 3, acquireTimeoutMillis: 200 } })
    const leases = await Promise.all([pool.lease(), pool.lease()])
    await pool.ping()
    const refused = await outcomeOf(pool.lease())
    expect(refused.error).toBeInstanceOf(Error)
    expect(await server.connections()).toHaveLength(3)
    expect(keeper.stats()).toMatchObject({ max: 3, used: 2, acquires: { timedOut: 1 } })
    for (const lease of leases) await lease.release()
  })

  test('is none in a pool without room for it, which says so', async () => {
    const { pool } = await redisScene(server, { policy: { max: 1 } })
    expect(await pool.ping()).toBe('PONG')
    await expect(pool.lease()).rejects.toMatchObject({ code: 'UNSUPPORTED_HOST' })
    await expect(pool.blpop('list', 1)).rejects.toMatchObject({ code: 'UNSUPPORTED_HOST' })
  })

  test('in a blackhole: what is asked for afterwards is found alive', async () => {
    const { pool, proxy } = await redisScene(server, { policy: { validateAfterIdleMillis: 0, acquireTimeoutMillis: 3_000 } })
    await Promise.all([pool.use((client) => client.ping()), pool.use((client) => client.ping())])
    await sleep(20)
    proxy.blackhole()
    expect(await Promise.all([pool.use((client) => client.ping()), pool.use((client) => client.ping())])).toEqual(['PONG', 'PONG'])
  })

  test('in a blackhole: what its holder has sent fails by the deadline, unless the server may keep it waiting', async () => {
    const { pool, keeper, proxy } = await redisScene(server, { policy: { acquireTimeoutMillis: 500 } })
    const [silent, blocked] = await Promise.all([pool.lease(), pool.lease()])
    const job = outcomeOf(blocked.client.blpop('jobs', 0))
    await until('it blocks', async () => /blocked_clients:1\b/.test(await server.command('INFO', 'clients')))
    proxy.blackhole()
    const answers = await Promise.all([silent.client.get('key'), silent.client.multi().get('key').exec()].map(outcomeOf))
    for (const { error } of answers) expect(findPoolkeeperError(error)?.code).toBe('CONNECTION_LOST')
    expect(await Promise.race([job, Promise.resolve('still waits')])).toBe('still waits')
    await silent.release()
    await until('its place is free', async () => keeper.stats().used === 1)
    expect(keeper.stats().closes.fatal).toBe(1)
    blocked.client.disconnect()
    expect(findPoolkeeperError((await job).error)?.code).toBe('CONNECTION_LOST')
    await blocked.release()
  })
})

describe('forty workers that block, a thousand reads a second and fifty tasks that count', () => {
  test('no read waits for a lease, every job is done once, and the counters are exact', async () => {
    const { pool, keeper } = await redisScene(server, { policy: { max: 50 } })
    const done: string[] = []
    const workers = Array.from({ length: 40 }, async () => {
      for (let job = await pool.blpop('jobs', 0); job?.[1] !== 'end'; job = await pool.blpop('jobs', 0)) done.push(job?.[1] ?? '')
    })
    await until('all workers block', async () => /blocked_clients:40/.test(await server.command('INFO', 'clients')))
    const held = await Promise.all(Array.from({ length: 9 }, () => pool.lease()))
    let counted = 0
    const counting = Array.from({ length: 50 }, async (_, task) => {
      await pool.use((client) => addOne(client, `count:${task % 5}`))
      counted++
    })
    // Not one lease is left, and fifty callers wait for one: whoever came behind them would wait as they do.
    await until('all tasks wait', () => Promise.resolve(keeper.stats().pending === 50))
    for (let round = 0; round < 100; round++) await Promise.all(Array.from({ length: 10 }, () => pool.get('key')))
    expect({ counted, pending: keeper.stats().pending }).toEqual({ counted: 0, pending: 50 })
    for (const lease of held) await lease.release()
    const jobs = Array.from({ length: 200 }, (_, job) => String(job))
    for (const job of jobs) {
      await Promise.all([pool.rpush('jobs', job), ...Array.from({ length: 5 }, () => pool.get('key'))])
      await sleep(5)
    }
    await Promise.all(counting)
    await pool.rpush('jobs', ...Array.from({ length: 40 }, () => 'end'))
    await Promise.all(workers)
    expect(await pool.mget('count:0', 'count:1', 'count:2', 'count:3', 'count:4')).toEqual(['10', '10', '10', '10', '10'])
    expect(done.sort()).toEqual(jobs.sort())
    expect(keeper.stats()).toMatchObject({ pending: 0, acquires: { timedOut: 0, refused: 0, failed: 0 } })
    expect(keeper.stats().opens.ok).toBeLessThanOrEqual(50)
  })
})
