import { createRedisPool, keeperOf, type PoolKeeper, type RedisPoolPolicy } from '@poolkeeper/ioredis'
import { Redis } from 'ioredis'
import type { RunName } from '../scenario.ts'

/** What the scenarios ask. */
export type Commands = Pick<Redis, 'blpop' | 'get' | 'incr' | 'ping'>

export interface Application {
  readonly redis: Commands
  readonly keeper: PoolKeeper | undefined
  /** One connection that nobody else uses meanwhile. */
  use<T>(work: (client: Redis) => Promise<T>): Promise<T>
  end(): void
}

/** The application under test: in both runs the same, but for where its client comes from. */
export function startApplication(run: RunName, address: { readonly host: string; readonly port: number }, policy: RedisPoolPolicy): Application {
  return run === 'kept' ? onPool(address, policy) : onClient(address)
}

function onPool(address: { readonly host: string; readonly port: number }, policy: RedisPoolPolicy): Application {
  const pool = createRedisPool(address, policy)
  return { redis: pool, keeper: keeperOf(pool), use: (work) => pool.use(work), end: () => pool.disconnect() }
}

/** One client for all, and as many more as are used by themselves at a time. */
function onClient(address: { readonly host: string; readonly port: number }): Application {
  const all: Redis[] = []
  const free: Redis[] = []
  const open = (): Redis => {
    const client = new Redis(address)
    // Without a listener ioredis prints each lost connection.
    client.on('error', () => {})
    all.push(client)
    return client
  }
  return {
    redis: open(),
    keeper: undefined,
    async use(work) {
      const client = free.pop() ?? open()
      try {
        return await work(client)
      } finally {
        free.push(client)
      }
    },
    end: () => all.forEach((client) => client.disconnect()),
  }
}
