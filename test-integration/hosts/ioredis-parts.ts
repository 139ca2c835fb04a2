import type { AdapterHarness, Network, ServerDoor } from '@poolkeeper/conformance'
import type { PoolPolicyOptions } from '@poolkeeper/core'
import { createRedisPool, type RedisPool, type RedisPoolPolicy } from '@poolkeeper/ioredis'
import { Redis } from 'ioredis'
import { startFaultProxy } from '../faults/proxy.ts'
import { nameOf, redisDoor, type WatchedRedis } from './redis-wire.ts'

export interface RedisHarnessOptions {
  readonly name: string
  /** Asked when a test runs: the server is there by then. */
  readonly redis: () => WatchedRedis
  readonly cannot?: AdapterHarness['cannot']
}

/** A pool of Redis goes on connecting while somebody waits; the behaviours are about what a policy does that does not ask for that. */
export const WITHOUT_RETRY: PoolPolicyOptions = { createRetry: false }

export const MADE_WITH_POLICY = 'a pool of createRedisPool() is made with its policy: there is none without it'

export async function noneBare(): Promise<never> {
  throw new Error(MADE_WITH_POLICY)
}

/** A pool behind a proxy, each of whose connections the server knows by its number. */
export interface RedisPoolParts {
  readonly pool: RedisPool
  /** How its connections are called, up to their number. */
  readonly label: string
  readonly door: ServerDoor
  readonly network: Network
  dispose(): Promise<void>
}

let pools = 0

export async function buildRedisPool(redis: WatchedRedis, policy: RedisPoolPolicy): Promise<RedisPoolParts> {
  const label = `ioredis_${++pools}`
  const proxy = await startFaultProxy({ target: redis.server })
  const { host, port } = proxy
  let made = 0
  // The first one is the face of the pool, and never connects.
  const pool = createRedisPool(() => new Redis({ host, port, lazyConnect: true, connectionName: nameOf(label, made++) }), policy)
  return { pool, label, door: redisDoor(redis, label), network: proxy, dispose: () => proxy.close() }
}
