import { createRedisPool } from '@poolkeeper/ioredis'
import { createClientPool } from '@redis/client'
import { createPool } from 'generic-pool'
import { Redis } from 'ioredis'
import type { OpenWay } from './way.ts'

/** Of the pools that lend a connection for each command. */
const POOL_SIZE = 10
const VALUE = 'x'.repeat(100)
const KEYS = 100
/** Every fifth command writes. */
const READS_TO_A_WRITE = 4

interface Commands {
  get(key: string): Promise<unknown>
  set(key: string, value: string): Promise<unknown>
}

function command(client: Commands, number: number): Promise<unknown> {
  const key = `key:${number % KEYS}`
  return number % (READS_TO_A_WRITE + 1) === 0 ? client.set(key, VALUE) : client.get(key)
}

/** What the callers share. */
function shared(client: Commands): ReturnType<OpenWay> {
  return Promise.resolve({ ask: (number) => command(client, number) })
}

/** What ioredis users build: a client of a generic-pool for each command. */
function borrowed(url: string, testOnBorrow: boolean): ReturnType<OpenWay> {
  const pool = createPool(
    {
      create: async () => {
        const client = new Redis(url, { lazyConnect: true })
        await client.connect()
        return client
      },
      destroy: (client) => Promise.resolve(client.disconnect()),
      validate: async (client) => (await client.ping()) === 'PONG',
    },
    { max: POOL_SIZE, testOnBorrow },
  )
  return Promise.resolve({ ask: (number) => pool.use((client) => command(client, number)) })
}

async function nodeRedis(url: string, maximum: number): ReturnType<OpenWay> {
  const pool = createClientPool({ url }, { maximum })
  await pool.connect()
  return shared(pool)
}

export type RedisWay =
  | 'pool'
  | 'bare'
  | 'pool, autopipelining'
  | 'bare, autopipelining'
  | 'generic-pool'
  | 'generic-pool, testOnBorrow'
  | 'node-redis’s pool'
  | 'node-redis’s pool of 100'

export const REDIS_WAYS: Readonly<Record<RedisWay, OpenWay>> = {
  pool: (url) => shared(createRedisPool(url)),
  bare: (url) => shared(new Redis(url)),
  'pool, autopipelining': (url) => shared(createRedisPool(url, { enableAutoPipelining: true }, {})),
  'bare, autopipelining': (url) => shared(new Redis(url, { enableAutoPipelining: true })),
  'generic-pool': (url) => borrowed(url, false),
  'generic-pool, testOnBorrow': (url) => borrowed(url, true),
  'node-redis’s pool': (url) => nodeRedis(url, POOL_SIZE),
  'node-redis’s pool of 100': (url) => nodeRedis(url, 100),
}
