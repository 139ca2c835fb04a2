import { refusedOption, text } from '../../policy/bounds.ts'
import { documentOf, refuseLarge } from './document.ts'
import type { SizingHistory } from './store.ts'

/** A client of ioredis or node-redis, or a pool of `createRedisPool()`. */
export interface RedisHistoryClient {
  get(key: string): PromiseLike<unknown>
  set(key: string, value: string): PromiseLike<unknown>
}

export interface RedisHistoryOptions {
  /**
   * Where the document is kept. Pools whose loads differ need a key each; the processes of one application share it.
   *
   * A text of 1 to 1024 characters.
   *
   * @defaultValue `'poolkeeper:history'`
   */
  readonly key?: string
}

/**
 * Keeps the history of predictive sizing in Redis, under one key, through a client of yours. It is neither opened nor
 * closed, and the key does not expire. A document above 1 MiB is refused.
 *
 * @throws PoolkeeperError `INVALID_POLICY`
 *
 * @example
 * const sizing = { predictive: { history: redisHistory(new Redis(process.env.REDIS_URL), { key: 'shop:pool' }) } }
 */
export function redisHistory(client: RedisHistoryClient, options: RedisHistoryOptions = {}): SizingHistory {
  if (typeof client?.get !== 'function' || typeof client.set !== 'function') {
    // A client knows passwords: it is not shown.
    throw refusedOption('redisHistory(client)', 'a client with get(key) and set(key, value)', `a value of type ${typeof client}`)
  }
  const { key = 'poolkeeper:history' } = options
  keyText('redisHistory(options).key', key)
  return {
    load: async () => documentOf(await client.get(key)),
    async save(document) {
      refuseLarge(Buffer.byteLength(document))
      await client.set(key, document)
    },
  }
}

const keyText = text(1_024)
