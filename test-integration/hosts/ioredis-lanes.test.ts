import { once } from 'node:events'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { isPoolkeeperError, keeperOf } from '@poolkeeper/ioredis'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
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

/** Each version has to carry the commands, and to be told apart from its connections. */
describe.each(versions.ioredis)('ioredis $version', ({ version, package: name }) => {
  const { Redis: Client } = require(name) as { Redis: typeof Redis }

  test('is what it should be', () => {
    expect((require(`${name}/package.json`) as { version: string }).version).toBe(version)
  })

  test('commands of every kind go out over one connection', async () => {
    const { pool } = await redisScene(server, { Client, options: { keyPrefix: 'app:' } })
    pool.defineCommand('pair', { lua: 'return {KEYS[1], ARGV[1]}', numberOfKeys: 1 })
    const scripted = pool as unknown as { pair(key: string, value: string): Promise<string[]> }
    expect(await pool.set('key', 'value')).toBe('OK')
    expect(await Promise.all([pool.get('key'), pool.getBuffer('key')])).toEqual(['value', Buffer.from('value')])
    expect(await Promise.all([scripted.pair('a', 'b'), scripted.pair('c', 'd')])).toEqual([['app:a', 'b'], ['app:c', 'd']])
    expect(await pool.pipeline().incr('count').incr('count').get('key').exec()).toEqual([[null, 1], [null, 2], [null, 'value']])
    expect(await pool.multi().incr('count').get('count').exec()).toEqual([[null, 3], [null, '3']])
    expect(await pool.multi([['hset', 'hash', 'field', 1]]).exec()).toEqual([[null, 1]])
    expect(await pool.hgetall('hash')).toEqual({ field: '1' })
    const called = await new Promise((resolve) => void pool.get('key', (error, value) => resolve([error, value])))
    expect(called).toEqual([null, 'value'])
    await expect(pool.incr('hash')).rejects.toThrow('WRONGTYPE')
    const [failed, succeeded] = (await pool.multi().incr('hash').set('key', '2').exec()) ?? []
    expect([failed?.[0], succeeded]).toEqual([expect.objectContaining({ message: expect.stringContaining('WRONGTYPE') as string }), [null, 'OK']])
    const keys: string[] = []
    for await (const page of pool.scanStream({ match: 'app:*' })) keys.push(...(page as string[]))
    expect(keys.sort()).toEqual(['app:count', 'app:hash', 'app:key'])
    expect(await server.connections()).toHaveLength(1)
  })

  test('with autopipelining as well', async () => {
    const { pool } = await redisScene(server, { Client, options: { enableAutoPipelining: true } })
    const counted = await Promise.all(Array.from({ length: 50 }, () => pool.incr('count')))
    expect(counted.at(-1)).toBe(50)
    await expect(pool.call('watch', 'key')).rejects.toMatchObject({ code: 'UNSUPPORTED_HOST' })
  })

  test('a command in flight when its connection dies fails once, and is not sent again; the next one is served', async () => {
    const { pool, proxy } = await redisScene(server, { Client })
    await pool.incr('count')
    proxy.delay(10_000)
    const lost = outcomeOf(pool.incr('count'))
    await until('the command was executed', async () => (await server.command('GET', 'count')) === '2')
    proxy.cut()
    proxy.heal()
    expect((await lost).error).toMatchObject({ message: 'Connection is closed.' })
    expect(await pool.get('count')).toBe('2')
  })

  test('what many ask in one turn reaches the server in one piece, and not each by itself', async () => {
    const { pool } = await redisScene(server, { Client })
    const readsOf = async (): Promise<number> => Number(/total_reads_processed:(\d+)/.exec(await server.command('INFO', 'stats'))?.[1])
    await pool.ping()
    const before = await readsOf()
    expect(await Promise.all(Array.from({ length: 200 }, () => pool.incr('count')))).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
    // Two of them are of those who look.
    expect((await readsOf()) - before).toBeLessThan(20)
  })

  test('a connection that was silently lost while nobody used it costs no command', async () => {
    const { pool, keeper, proxy } = await redisScene(server, { Client, policy: { validateAfterIdleMillis: 0 } })
    await pool.set('key', 'value')
    await until('the lane rests', () => Promise.resolve(keeper.stats().useMillis.count === 1))
    proxy.blackhole()
    expect(await Promise.all(Array.from({ length: 20 }, () => pool.get('key')))).toEqual(Array.from({ length: 20 }, () => 'value'))
    expect(keeper.stats().closes).toMatchObject({ invalid: 1 })
  })

  test('a blackhole of all connections: every command is answered or failed by its deadline, and the pool is whole at once when the network returns', async () => {
    const { pool, keeper, proxy } = await redisScene(server, { Client, policy: { acquireTimeoutMillis: 1_000, lanes: 3 } })
    await Promise.all(Array.from({ length: 30 }, () => pool.incr('count')))
    proxy.blackhole({ newConnections: true })
    const during = await Promise.all(Array.from({ length: 50 }, () => outcomeOf(pool.get('count'))))
    expect(during.every(({ error }) => isPoolkeeperError(error))).toBe(true)
    expect(Math.max(...during.map(({ millis }) => millis))).toBeLessThan(2_000)
    const waiting = outcomeOf(pool.get('count'))
    await sleep(300)
    proxy.heal()
    const { value, millis } = await waiting
    expect({ value, isSoon: millis < 300 + 1_000 }).toEqual({ value: '30', isSoon: true })
    expect(pool.status).toBe('ready')
    expect(await Promise.all(Array.from({ length: 50 }, () => pool.incr('count')))).toContain(80)
    expect(keeper.health().reasons.join()).not.toContain('connect')
  })
})

describe('a pool of Redis', () => {
  test('bare ioredis still hangs in a blackhole when the pool has answered everything', async () => {
    const { pool, proxy, bare } = await redisScene(server, { policy: { acquireTimeoutMillis: 500 } })
    const client = bare()
    await Promise.all([client.set('key', 'value'), pool.get('key')])
    proxy.blackhole()
    let isAnswered = false
    void outcomeOf(client.get('key')).then(() => (isAnswered = true))
    await outcomeOf(pool.get('key'))
    expect(await pool.get('key')).toBe('value')
    expect(isAnswered).toBe(false)
  })

  test('while the server restarts, commands wait for it, and none of them fails that was not in flight', async () => {
    const { pool } = await redisScene(server)
    await pool.ping()
    let waiting: Promise<string>[] = []
    await server.restart('fast', async () => {
      await sleep(50)
      waiting = Array.from({ length: 20 }, () => pool.ping())
      await sleep(100)
    })
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 20 }, () => 'PONG'))
  })

  test('a wrong password is told at once', async () => {
    const { pool } = await redisScene(server, { options: { username: 'nobody', password: 'wrong' } })
    await expect(pool.get('key')).rejects.toThrow('WRONGPASS')
  })

  test('a primary that became a replica is left at the first READONLY; the next connection goes to whoever is primary then', async () => {
    const other = await startRedis()
    const { pool, keeper, proxy } = await redisScene(server)
    try {
      await pool.set('key', 'old')
      await sleep(1_000)
      await server.command('REPLICAOF', other.host, String(other.port))
      proxy.redirect(other)
      const failed = await outcomeOf(pool.set('key', 'lost'))
      expect(failed.error).toMatchObject({ message: expect.stringContaining('READONLY') as string })
      expect(await pool.set('key', 'new')).toBe('OK')
      expect(await other.command('GET', 'key')).toBe('new')
      await until('the old one is gone', () => Promise.resolve(keeper.stats().closes.fatal === 1))
      expect(keeper.stats().generation).toBe(1)
    } finally {
      await server.command('REPLICAOF', 'NO', 'ONE')
      await other.stop()
    }
  })

  test.each(['a lane', 'a lease'])('a primary that became a replica is left by all lanes and all leases when %s hears of it', async (who) => {
    const other = await startRedis()
    const { pool, proxy } = await redisScene(server, { policy: { max: 5, lanes: 2 }, options: { connectionName: 'left' } })
    const left = async (): Promise<number> => (await server.connections()).filter(({ name }) => name === 'left').length
    const write = { 'a lane': () => pool.set('key', 'new'), 'a lease': () => pool.use((client) => client.set('key', 'new')) }[who]
    try {
      await Promise.all([...Array.from({ length: 20 }, () => pool.ping()), ...Array.from({ length: 3 }, () => pool.use((client) => client.ping()))])
      await until('two lanes and some leases are open', async () => (await left()) >= 3)
      await sleep(1_000)
      await server.command('REPLICAOF', other.host, String(other.port))
      proxy.redirect(other)
      expect((await outcomeOf(write?.() ?? Promise.resolve())).error).toMatchObject({ message: expect.stringContaining('READONLY') as string })
      await until('nobody is left there', async () => (await left()) === 0)
      expect(await Promise.all([pool.set('key', 'new'), pool.use((client) => client.set('key', 'new'))])).toEqual(['OK', 'OK'])
    } finally {
      await server.command('REPLICAOF', 'NO', 'ONE')
      await other.stop()
    }
  })

  test('a server that is slow, and answers nobody, loses no connection and no command', async () => {
    const { pool, keeper } = await redisScene(server, { policy: { validationTimeoutMillis: 200 } })
    await pool.ping()
    const busy = "local t = redis.call('TIME'); local u = t[1] * 1000000 + t[2] + 700000; repeat t = redis.call('TIME') until t[1] * 1000000 + t[2] >= u; return redis.call('INCR', 'count')"
    expect(await Promise.all([pool.eval(busy, 0), pool.incr('count')])).toEqual([1, 2])
    await until('the spare one is gone', () => Promise.resolve(keeper.stats().idle === 1 && keeper.stats().opening === 0))
    expect(keeper.stats().closes).toMatchObject({ fatal: 0, invalid: 0 })
  })

  test('recycling under load opens the new connection first, and no command fails or waits for it', async () => {
    const { pool, keeper } = await redisScene(server)
    await pool.ping()
    const [before] = await server.connections()
    let isOver = false
    const load = (async () => {
      let count = 0
      while (!isOver) count += (await Promise.all([pool.ping(), pool.ping()])).length
      return count
    })()
    await keeper.recycle()
    isOver = true
    expect(await load).toBeGreaterThan(0)
    await pool.ping()
    const after = await server.connections()
    expect(after).toHaveLength(1)
    expect(after[0]?.id).not.toBe(before?.id)
    expect(keeper.stats().closes).toMatchObject({ recycle: 1 })
  })

  test('a connection at the end of its life goes after another one has come', async () => {
    const { pool, keeper } = await redisScene(server, { policy: { maxLifetimeMillis: 1_000 } })
    await pool.ping()
    await until('a life has ended', async () => {
      await pool.ping()
      return keeper.stats().closes.maxLifetime > 0
    })
    expect(keeper.stats().opens).toMatchObject({ failed: 0 })
  })

  test('several lanes are opened when those that are there are busy', async () => {
    const { pool } = await redisScene(server, { policy: { lanes: 3 } })
    await until('three lanes', async () => {
      await Promise.all(Array.from({ length: 10 }, () => pool.ping()))
      return (await server.connections()).length === 3
    })
    expect(await server.connections()).toHaveLength(3)
  })

  test('what concerns one connection is refused by name, in every way of asking', async () => {
    const { pool } = await redisScene(server)
    const anyway = pool as unknown as Redis
    expect(() => anyway.subscribe('news')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_HOST' }))
    expect(() => anyway.select(1)).toThrow('give `db` in the options')
    expect(() => void anyway.multi({ pipeline: false })).toThrow('`multi()…exec()`')
    await expect(pool.call('WATCH', 'key')).rejects.toMatchObject({ code: 'UNSUPPORTED_HOST' })
    const waited = await pool.pipeline([['blpop', 'list', 0]]).exec()
    expect(waited?.[0]?.[0]).toMatchObject({ code: 'UNSUPPORTED_HOST' })
    expect(await pool.xread('COUNT', 1, 'STREAMS', 'stream', '0')).toBeNull()
    const results = await pool.pipeline([['set', 'key', 'value'], ['watch', 'key']]).exec()
    expect(results?.map(([error]) => (error as { code?: string } | null)?.code)).toEqual(['UNSUPPORTED_HOST', 'UNSUPPORTED_HOST'])
    expect(await pool.get('key')).toBeNull()
  })

  test('status and events are those of a client that is connected while one of its lanes is', async () => {
    const { pool, proxy } = await redisScene(server)
    const told: string[] = []
    for (const event of ['connecting', 'connect', 'ready', 'close', 'reconnecting', 'end']) pool.on(event, () => told.push(event))
    expect(pool.status).toBe('wait')
    await pool.connect()
    await pool.ping()
    expect(pool.status).toBe('ready')
    proxy.cut()
    await once(pool, 'close')
    await pool.ping()
    expect(await pool.quit()).toBe('OK')
    expect(pool.status).toBe('end')
    await until('its end is told', () => Promise.resolve(told.at(-1) === 'end'))
    expect(told.filter((event) => event === 'ready')).toHaveLength(2)
    await expect(pool.ping()).rejects.toMatchObject({ code: 'DRAINING' })
  })

  test('quit lets what is in flight be answered; disconnect does not', async () => {
    const { pool, proxy } = await redisScene(server)
    await pool.ping()
    proxy.delay(100)
    const answered = pool.ping()
    await pool.quit()
    expect(await answered).toBe('PONG')
    const other = pool.duplicate()
    await other.ping()
    const lost = outcomeOf(other.ping())
    other.disconnect()
    expect((await lost).error).toBeInstanceOf(Error)
    await until('it has ended', () => Promise.resolve(other.status === 'end'))
  })

  test('paused, commands wait; drained, the server has no connection left', async () => {
    const { pool, keeper } = await redisScene(server)
    await pool.ping()
    keeper.pause()
    let isAnswered = false
    const waiting = pool.ping().then(() => (isAnswered = true))
    await sleep(50)
    expect(isAnswered).toBe(false)
    keeper.resume()
    await waiting
    expect(await keeper.drain()).toMatchObject({ clean: true })
    await until('no connection is left', async () => (await server.connections()).length === 0)
  })

  test('a policy that cannot be had is refused by name, and so is a Cluster', async () => {
    const { pool } = await redisScene(server)
    const { createRedisPool } = await import('@poolkeeper/ioredis')
    expect(() => createRedisPool({}, { sizing: { adaptive: true } })).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_HOST' }))
    expect(() => createRedisPool({}, { lanes: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_POLICY' }))
    expect(() => createRedisPool({}, { lanes: 5, max: 4 })).toThrow('at most `max` (4)')
    expect(() => createRedisPool([] as never)).toThrow('Cluster')
    expect(() => keeperOf({} as never)).toThrow(expect.objectContaining({ code: 'NOT_APPLIED' }))
    expect(() => keeperOf(pool).detach()).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_HOST' }))
  })
})
