import { redisHistory, type RedisHistoryClient } from '@poolkeeper/core/history'
import { createRedisPool } from '@poolkeeper/ioredis'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startRedis, type RedisServer } from '../harness/redis.ts'
import { requireOwnServer } from '../harness/require-server.ts'

requireOwnServer('redis').describe('A history in Redis', () => {
  let server: RedisServer

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  const clients: readonly (readonly [string, () => Promise<RedisHistoryClient>])[] = [
    ['ioredis', async () => {
      const client = new Redis(server.url)
      onTestFinished(() => client.disconnect())
      return client
    }],
    ['node-redis', async () => {
      const client = createClient({ url: server.url })
      onTestFinished(() => client.destroy())
      return client.connect()
    }],
    ['createRedisPool', async () => {
      const pool = createRedisPool(server.url, { max: 2 })
      onTestFinished(async () => void (await pool.quit()))
      return pool
    }],
  ]

  test.each(clients)('through %s', async (name, open) => {
    const client = await open()
    const history = redisHistory(client, { key: `history of ${name}` })
    expect(await history.load()).toBeUndefined()
    for (const document of ['{"größe":1}', '{"größe":2}']) await history.save(document)
    expect(await history.load()).toBe('{"größe":2}')
    expect(await server.command('TTL', `history of ${name}`)).toBe('-1')
    expect(await redisHistory(client, { key: 'another' }).load()).toBeUndefined()
  })
})
