import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RedisCluster, startRedisCluster } from '../harness/redis-cluster.ts'
import { requireOwnServer } from '../harness/require-server.ts'
import { until } from '../harness/until.ts'
import { clusterScene, keysOfPrimaries } from './ioredis-cluster.ts'

const { describe } = requireOwnServer('redis')
let servers: RedisCluster

/** ioredis gives up by itself after so many tries, while the cluster has nobody for the slots. */
const OF_THE_CLUSTER = /Too many Cluster redirections/

interface Load {
  /** Ends it, and says what became of every command. */
  end(): Promise<Account>
}

interface Account {
  readonly acknowledged: number
  readonly failed: number
  /** What they said. */
  readonly errors: readonly string[]
  /** The longest time in which nothing was answered. */
  readonly gapMillis: number
  /** Executed more than once, as far as the servers know. */
  readonly twice: number
  /** Acknowledged, and not there. */
  readonly lost: number
}

/** Every command counts up a key of its own: what was executed twice counts to 2, and what was lost is missing. */
function startLoad(cluster: Cluster, prefix: string, keys: readonly string[]): Load {
  const acknowledged: string[] = []
  const errors: string[] = []
  let answeredAt = performance.now()
  let gapMillis = 0
  let isOver = false
  const worker = async (index: number): Promise<void> => {
    for (let number = 0; !isOver; number++) {
      const key = `{${keys[index % keys.length] ?? ''}}${prefix}:${index}:${number}`
      try {
        await cluster.incr(key)
        acknowledged.push(key)
        gapMillis = Math.max(gapMillis, performance.now() - answeredAt)
        answeredAt = performance.now()
      } catch (error) {
        errors.push(String(error).slice(0, 100))
      }
      await sleep(2)
    }
  }
  const workers = Array.from({ length: 12 }, (_, index) => worker(index))
  return {
    async end() {
      isOver = true
      await Promise.all(workers)
      const counts = await Promise.all(acknowledged.map((key) => cluster.get(key)))
      const twice = counts.filter((count) => Number(count) > 1).length
      return { acknowledged: acknowledged.length, failed: errors.length, errors: [...new Set(errors)], gapMillis, twice, lost: counts.filter((count) => count === null).length }
    },
  }
}

describe('A failover of a Redis Cluster, under load', () => {
  beforeAll(async () => {
    servers = await startRedisCluster()
  })
  afterAll(() => servers.stop())

  test('that was asked for costs a kept Cluster no command, executes none twice and loses none', async () => {
    const { cluster, keeper, bare } = await clusterScene(servers)
    const keys = await keysOfPrimaries(servers)
    const [kept, beside] = [startLoad(cluster, 'kept', keys), startLoad(bare(), 'bare', keys)]
    await servers.failOver(await servers.primaryOf(keys[0] ?? ''))
    await servers.failOver(await servers.primaryOf(keys[1] ?? ''))
    const [account, other] = await Promise.all([kept.end(), beside.end()])
    console.info('failover on demand:', JSON.stringify({ kept: account, bare: other }))
    expect(account).toMatchObject({ failed: 0, twice: 0, lost: 0 })
    expect(account.acknowledged).toBeGreaterThan(0)
    expect([...keeper.nodes.values()].filter(({ role }) => role === 'primary')).toHaveLength(3)
  })

  test('of a primary that is stopped: the kept Cluster is whole when the replica leads, a bare one waits for ever', async () => {
    const { cluster, bare } = await clusterScene(servers, { policy: { validationTimeoutMillis: 400 } })
    const keys = await keysOfPrimaries(servers)
    const primary = await servers.primaryOf(keys[0] ?? '')
    await servers.replicaOf(primary)
    const other = bare()
    await other.get(keys[0] ?? '')
    const kept = startLoad(cluster, 'stopped', keys)
    await sleep(100)
    primary.pause()
    try {
      const hanging = other.get(keys[0] ?? '').then(() => 'answered', () => 'failed')
      await until('another one leads', async () => (await servers.primaryOf(keys[0] ?? '')) !== primary)
      await until('it is served', () => cluster.set(keys[0] ?? '', 'served'))
      expect(await Promise.race([hanging, sleep(1).then(() => 'hangs')])).toBe('hangs')
      const account = await kept.end()
      console.info('primary stopped:', JSON.stringify(account))
      expect(account.errors.filter((error) => !OF_THE_CLUSTER.test(error))).toEqual([])
    } finally {
      primary.resume()
    }
    await until('it has come back', async () => (await servers.replicaOf(await servers.primaryOf(keys[0] ?? ''))) === primary)
  })

  test('of a primary that dies: every command is answered or fails, and all is served again', async () => {
    const { cluster, keeper, bare } = await clusterScene(servers)
    const keys = await keysOfPrimaries(servers)
    const [kept, beside] = [startLoad(cluster, 'died', keys), startLoad(bare(), 'died bare', keys)]
    await sleep(100)
    const promoted = await servers.crash(await servers.primaryOf(keys[0] ?? ''))
    await until('it is served', () => cluster.set(keys[0] ?? '', 'served'))
    const [account, other] = await Promise.all([kept.end(), beside.end()])
    console.info('primary died:', JSON.stringify({ kept: account, bare: other }))
    expect(await promoted.command('GET', keys[0] ?? '')).toBe('served')
    expect(account.errors.filter((error) => !OF_THE_CLUSTER.test(error))).toEqual([])
    await until('the dead one is given up', () => Promise.resolve(keeper.nodes.size === 5 && keeper.health().status === 'up'))
  })
})
