import { once } from 'node:events'
import { createRequire } from 'node:module'
import { applyPoolPolicy, keeperOf } from '@poolkeeper/ioredis'
import type { Cluster } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RedisCluster, startRedisCluster } from '../harness/redis-cluster.ts'
import { requireOwnServer } from '../harness/require-server.ts'
import { until } from '../harness/until.ts'
import versions from '../versions.json' with { type: 'json' }
import { type Child, ended, fixture, start } from './child.ts'
import { clusterScene, connectionsOf, keysOfPrimaries, settledWithin } from './ioredis-cluster.ts'

const require = createRequire(import.meta.url)
const redis = requireOwnServer('redis')
let servers: RedisCluster

redis.describe('a Cluster of ioredis', () => {
  beforeAll(async () => {
    servers = await startRedisCluster()
  })
  afterAll(() => servers.stop())
  beforeEach(async () => {
    const primaries = new Set(await Promise.all((await keysOfPrimaries(servers)).map((key) => servers.primaryOf(key))))
    await Promise.all([...primaries].map((server) => server.command('FLUSHALL')))
  })

  describe.each(versions.ioredis)('of ioredis $version', ({ version, package: name }) => {
    const { Cluster: Client } = require(name) as { Cluster: typeof Cluster }

    test('is kept, answers every kind of command, and replaces its connections under them without an error', async () => {
      expect((require(`${name}/package.json`) as { version: string }).version).toBe(version)
      const { cluster, keeper } = await clusterScene(servers, { Client })
      const keys = await keysOfPrimaries(servers)
      cluster.defineCommand('pair', { lua: 'return {KEYS[1], ARGV[1]}', numberOfKeys: 1 })
      const scripted = cluster as unknown as { pair(key: string, value: string): Promise<string[]> }
      await Promise.all(keys.map((key) => cluster.set(key, key)))
      expect(await scripted.pair(keys[0] ?? '', 'b')).toEqual([keys[0], 'b'])
      expect(await cluster.pipeline().incr('{a}1').incr('{a}1').get('{a}1').exec()).toEqual([[null, 1], [null, 2], [null, '2']])
      expect(await cluster.multi().incr('{a}1').get('{a}1').exec()).toEqual([[null, 3], [null, '3']])

      const before = await connectionsOf(servers)
      let isOver = false
      const load = Promise.all(
        keys.map(async (key) => {
          let count = 0
          while (!isOver) {
            await Promise.all([cluster.incr(`{${key}}count`), cluster.pipeline().incr(`{${key}}count`).exec()])
            count += 2
          }
          return count
        }),
      )
      await keeper.recycle()
      isOver = true
      expect(await Promise.all(keys.map((key) => cluster.get(`{${key}}count`)))).toEqual((await load).map(String))
      expect(keeper.stats().closes.recycle).toBeGreaterThanOrEqual(3)
      await until('the old ones are gone, and the servers see what the keeper counts', async () => {
        const after = await connectionsOf(servers)
        const { idle, used } = keeper.stats()
        return after.length === idle + used && !after.some((id) => before.includes(id))
      })
    })
  })

  test('is attended from its first connection on, and nothing is opened or sent for the policy alone', async () => {
    const { cluster, keeper } = await clusterScene(servers, { options: { lazyConnect: true }, isReady: false })
    expect([cluster.status, keeper.nodes.size]).toEqual(['wait', 0])
    await cluster.set('a', 1)
    expect(keeper.nodes.size).toBe(6)
    const seen = await connectionsOf(servers)
    expect(seen).toHaveLength(keeper.stats().idle + keeper.stats().used)
    expect(keeper.stats()).toMatchObject({ opens: { ok: seen.length, failed: 0 }, closes: { fatal: 0 } })
    expect(keeper.statsOf('primary').max + keeper.statsOf('replica').max).toBe(6)
    expect([...keeper.nodes.values()].filter(({ role }) => role === 'replica')).toHaveLength(3)
    expect(keeperOf(cluster)).toBe(applyPoolPolicy(cluster, {}))
    expect(() => applyPoolPolicy(cluster, { maxLifetimeMillis: 1_000 })).toThrow(expect.objectContaining({ code: 'ALREADY_APPLIED' }))
  })

  test('a connection that was silently lost while nobody used it costs no command: it is asked first, and replaced', async () => {
    const { cluster, keeper, proxies } = await clusterScene(servers, { policy: { validateAfterIdleMillis: 0 }, isProxied: true })
    const keys = await keysOfPrimaries(servers)
    const last = new Map<string, string>()
    keeper.subscribe(({ pool, type }) => {
      if (type === 'acquired' || type === 'released') last.set(pool, type)
    })
    await Promise.all(keys.map((key) => cluster.set(key, key)))
    await until('all rest', () => Promise.resolve(last.size >= 3 && [...last.values()].every((type) => type === 'released')))
    for (const proxy of proxies) proxy.blackhole()
    expect(await Promise.all(keys.map((key) => cluster.get(key)))).toEqual(keys)
    await until('the lost ones are closed', () => Promise.resolve(keeper.stats().closes.invalid === 3))
  })

  test('commands in flight on a connection that falls silent are answered by the next one; on a bare Cluster they hang', async () => {
    const policy = { validationTimeoutMillis: 400 }
    const { cluster, keeper, bare, proxies } = await clusterScene(servers, { policy, isProxied: true })
    const other = bare()
    const keys = await keysOfPrimaries(servers)
    await Promise.all(keys.flatMap((key) => [cluster.set(key, key), other.get(key)]))
    for (const proxy of proxies) proxy.blackhole()
    const hanging = keys.map((key) => other.get(key))
    for (const command of hanging) command.catch(() => {})
    expect(await Promise.all(keys.map((key) => cluster.get(key)))).toEqual(keys)
    expect(await Promise.all(hanging.map((command) => settledWithin(command, 1)))).toEqual(['hangs', 'hangs', 'hangs'])
    await until('the lost ones are closed', () => Promise.resolve(keeper.stats().closes.fatal + keeper.stats().closes.invalid >= 3))
  })

  test('a blackhole of all connections: every command is answered or failed by its deadline, and all is whole when it ends', async () => {
    const policy = { acquireTimeoutMillis: 1_000, validationTimeoutMillis: 300 }
    const { cluster, proxies } = await clusterScene(servers, { policy, isProxied: true })
    const keys = await keysOfPrimaries(servers)
    await Promise.all(keys.map((key) => cluster.set(key, key)))
    for (const proxy of proxies) proxy.blackhole({ newConnections: true })
    const during = await Promise.all(Array.from({ length: 30 }, (_, index) => settledWithin(cluster.get(keys[index % 3] ?? ''), 10_000)))
    expect(new Set(during)).toEqual(new Set(['failed']))
    for (const proxy of proxies) proxy.heal()
    await until('all answer again', async () => (await Promise.all(keys.map((key) => cluster.get(key)))).join() === keys.join())
  })

  test('a primary that is stopped: what waits for it is answered by who takes its place, and hangs on a bare Cluster', async () => {
    const { cluster, bare } = await clusterScene(servers, { policy: { validationTimeoutMillis: 400 } })
    const other = bare()
    const [key = ''] = await keysOfPrimaries(servers)
    await Promise.all([cluster.set(key, 'kept'), other.get(key)])
    const primary = await servers.primaryOf(key)
    const replica = await servers.replicaOf(primary)
    await until('the replica has it', async () => (await replica.command('DBSIZE')) === (await primary.command('DBSIZE')))
    primary.pause()
    try {
      const hanging = other.get(key)
      hanging.catch(() => {})
      const answers = await Promise.all([cluster.get(key), cluster.get(key), cluster.set(key, 'kept')])
      expect(answers).toEqual(['kept', 'kept', 'OK'])
      expect(await settledWithin(hanging, 1)).toBe('hangs')
    } finally {
      primary.resume()
    }
    await until('it has come back', async () => (await servers.replicaOf(await servers.primaryOf(key))).port === primary.port)
  })

  test('a blocking command keeps its connection waiting for as long as it likes, and is answered', async () => {
    const { cluster, keeper } = await clusterScene(servers, { policy: { validationTimeoutMillis: 100, acquireTimeoutMillis: 200 } })
    const job = cluster.blpop('jobs', 0)
    expect(await settledWithin(job, 1_000)).toBe('hangs')
    const server = await servers.primaryOf('jobs')
    await server.command('RPUSH', 'jobs', 'first')
    expect((await job)?.[1]).toBe('first')
    expect(keeper.stats().closes).toMatchObject({ fatal: 0, invalid: 0 })
  })

  test('connections at the end of their lives go after others have come, under load and without an error', async () => {
    const { cluster, keeper } = await clusterScene(servers, { policy: { maxLifetimeMillis: 1_000 } })
    const keys = await keysOfPrimaries(servers)
    let count = 0
    await until('each node had two lives', async () => {
      await Promise.all(keys.map((key) => cluster.incr(`{${key}}life`)))
      count++
      return keeper.stats().closes.maxLifetime >= 6
    })
    expect(await Promise.all(keys.map((key) => cluster.get(`{${key}}life`)))).toEqual(keys.map(() => String(count)))
    expect(keeper.stats()).toMatchObject({ opens: { failed: 0 } })
  })

  test('a client of a node that its user keeps goes on when its connection was replaced', async () => {
    const { cluster, keeper } = await clusterScene(servers)
    const nodes = cluster.nodes('master')
    await Promise.all(nodes.map((node) => node.ping()))
    await keeper.recycle()
    expect(await Promise.all(nodes.map((node) => node.ping()))).toEqual(['PONG', 'PONG', 'PONG'])
    expect(await nodes[0]?.pipeline().ping().ping().exec()).toEqual([[null, 'PONG'], [null, 'PONG']])
  })

  test('paused, commands wait; resumed, they are answered; drained, no connection is left', async () => {
    const { cluster, keeper } = await clusterScene(servers)
    await cluster.set('a', 1)
    await keeper.recycle()
    keeper.pause()
    const waiting = cluster.get('a')
    expect(await settledWithin(waiting, 50)).toBe('hangs')
    keeper.resume()
    expect(await waiting).toBe('1')
    const last = cluster.incr('a')
    // ioredis says that it is closed anew for each of its nodes, so that its status need not be "end" at the end.
    const end = once(cluster, 'end')
    expect(await keeper.drain()).toMatchObject({ clean: true })
    await end
    expect(await last).toBe(2)
    await expect(cluster.get('a')).rejects.toMatchObject({ code: 'DRAINING' })
    await until('no connection is left', async () => (await connectionsOf(servers)).length === 0)
  })

  test('made ready, all nodes are connected; evicted, they are not, and the next command connects', async () => {
    const { cluster, keeper } = await clusterScene(servers, { policy: { min: 1 }, options: { lazyConnect: true }, isReady: false })
    await keeper.ready()
    // The Cluster tells its clients of their roles when it has learnt them.
    await until('all nodes are connected, and rest', () => Promise.resolve(keeper.stats().idle === 6))
    expect(keeper.stats().min).toBe(6)
    keeper.reconfigure({ min: 0 })
    await until('no connection is left', async () => {
      await keeper.evictIdle()
      return (await connectionsOf(servers)).length === 0
    })
    expect(await cluster.get('a')).toBeNull()
    expect(keeper.stats().closes.idle).toBe(6)
  })

  test('detach gives the Cluster back as it was found, also with connections that were replaced', async () => {
    const { cluster, keeper, bare } = await clusterScene(servers)
    await cluster.set('a', 1)
    await keeper.recycle()
    keeper.detach()
    const other = bare()
    await other.get('a')
    expect(Object.keys(Object.getOwnPropertyDescriptors(cluster)).sort()).toEqual(Object.keys(Object.getOwnPropertyDescriptors(other)).sort())
    for (const node of cluster.nodes()) expect(Object.hasOwn(node, 'sendCommand')).toBe(false)
    expect(await cluster.get('a')).toBe('1')
    expect(() => keeperOf(cluster)).toThrow(expect.objectContaining({ code: 'NOT_APPLIED' }))
    await servers.primaryOf('a').then((server) => server.killClients())
    expect(await cluster.get('a')).toBe('1')
  })

  describe('a process exits as it does with a bare one', () => {
    const startWay = (way: 'bare' | 'kept', ending: string): Child => start(servers.nodes[0]?.url ?? '', fixture('ioredis-cluster-exit.ts'), [way, ending])

    test.each(['disconnected', 'quit', 'unused'])('when its Cluster was %s', async (ending) => {
      const children = [startWay('bare', ending), startWay('kept', ending)]
      for (const child of children) expect(await ended(child), child.output()).toBe(0)
    })
  })

  test('what cannot be had is refused by name', async () => {
    const { bare } = await clusterScene(servers)
    expect(() => applyPoolPolicy(bare(), { max: 3 })).toThrow('a Cluster has one connection a node')
    expect(() => applyPoolPolicy(bare(), { validateAfterIdleMillis: -1 })).toThrow(expect.objectContaining({ code: 'INVALID_POLICY' }))
    expect(() => applyPoolPolicy({ isCluster: true } as never)).toThrow('connectionPool.removeNode')
    expect(() => applyPoolPolicy({} as never)).toThrow('no Cluster of ioredis')
  })
})
