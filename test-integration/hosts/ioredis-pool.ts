import { createRedisPool, keeperOf, type PoolKeeper, type RedisPool, type RedisPoolPolicy } from '@poolkeeper/ioredis'
import { Redis, type RedisOptions } from 'ioredis'
import { onTestFinished } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../faults/proxy.ts'
import type { RedisServer } from '../harness/redis.ts'

export interface RedisScene {
  readonly pool: RedisPool
  readonly keeper: PoolKeeper
  readonly proxy: FaultProxy
  /** A client of ioredis as it comes, on the same network. */
  bare(options?: RedisOptions): Redis
}

export interface SceneOptions {
  readonly policy?: RedisPoolPolicy
  readonly options?: RedisOptions
  /** Another copy of ioredis. */
  readonly Client?: typeof Redis
}

/** A pool behind a network that can be broken; all of it ends with the test. */
export async function redisScene(server: RedisServer, { policy = {}, options = {}, Client = Redis }: SceneOptions = {}): Promise<RedisScene> {
  const proxy = await startFaultProxy({ target: server })
  const at = { host: proxy.host, port: proxy.port, ...options }
  const pool = Client === Redis ? createRedisPool(at, policy) : createRedisPool(() => new Client({ ...at, lazyConnect: true } as { host: string }), policy)
  const keeper = keeperOf(pool)
  const clients: Redis[] = []
  onTestFinished(async () => {
    for (const client of clients) client.disconnect()
    await keeper.drain({ timeoutMillis: 0 })
    await proxy.close()
  })
  return {
    pool,
    keeper,
    proxy,
    bare(own = {}) {
      const client = new Client({ ...at, ...own } as { host: string })
      client.on('error', () => {})
      clients.push(client)
      return client
    },
  }
}

/** What became of a command, and how long it took. */
export interface Outcome {
  readonly value?: unknown
  readonly error?: unknown
  readonly millis: number
}

export async function outcomeOf(command: Promise<unknown>): Promise<Outcome> {
  const startedAt = performance.now()
  const millis = (): number => performance.now() - startedAt
  return command.then(
    (value) => ({ value, millis: millis() }),
    (error: unknown) => ({ error, millis: millis() }),
  )
}
