import { expect, it, onTestFinished } from 'vitest'
import { requireOwnServer } from './require-server.ts'
import { startRedisCluster } from './redis-cluster.ts'
import { startRedisSentinels } from './redis-sentinels.ts'

const KEY = 'a key'

const { describe } = requireOwnServer('redis')

describe('a Redis Cluster of six', () => {
  it('knows who serves a key, changes roles on demand, and elects a replica for a dead primary', async () => {
    const cluster = await startRedisCluster()
    onTestFinished(() => cluster.stop())
    const primary = await cluster.primaryOf(KEY)
    await primary.command('SET', KEY, 'kept')
    for (const node of cluster.nodes.slice(0, 3).filter((other) => other !== primary)) {
      await expect(node.command('GET', KEY)).rejects.toThrow(`:${primary.port}`)
    }
    const promoted = await cluster.failOver(primary)
    expect(await cluster.primaryOf(KEY)).toBe(promoted)
    expect(await promoted.command('GET', KEY)).toBe('kept')
    expect(await cluster.replicaOf(promoted)).toBe(primary)
    expect(await cluster.crash(promoted)).toBe(primary)
    expect(await cluster.primaryOf(KEY)).toBe(primary)
  })
})

describe('three sentinels', () => {
  it('promote the replica on demand, and when the primary dies', async () => {
    const set = await startRedisSentinels()
    onTestFinished(() => set.stop())
    const [first, second] = set.servers
    expect(await set.primary()).toBe(first)
    expect(await set.failOver()).toBe(second)
    expect(await set.crash()).toBe(first)
    expect(await set.primary()).toBe(first)
  })
})
