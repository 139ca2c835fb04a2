import { expect, test } from 'vitest'
import { LARGEST_DOCUMENT_BYTES } from './document.ts'
import { redisHistory, type RedisHistoryClient } from './redis-history.ts'

function redis(entries: Readonly<Record<string, unknown>> = {}): RedisHistoryClient & { readonly entries: Map<string, unknown> } {
  const known = new Map(Object.entries(entries))
  return {
    entries: known,
    get: async (key) => known.get(key) ?? null,
    set: async (key, value) => known.set(key, value),
  }
}

test('a history in Redis is what was saved last, under its key', async () => {
  const client = redis()
  const history = redisHistory(client, { key: 'shop:pool' })
  expect(await history.load()).toBeUndefined()
  await history.save('one')
  await history.save('two')
  expect(await history.load()).toBe('two')
  expect([...client.entries]).toEqual([['shop:pool', 'two']])
  expect(await redisHistory(client).load()).toBeUndefined()
})

test('a client that answers in bytes is understood', async () => {
  expect(await redisHistory(redis({ 'poolkeeper:history': Buffer.from('µ') })).load()).toBe('µ')
})

test('what is no document is refused', async () => {
  await expect(redisHistory(redis({ 'poolkeeper:history': ['one'] })).load()).rejects.toMatchObject({ code: 'INVALID_POLICY' })
  const large = 'x'.repeat(LARGEST_DOCUMENT_BYTES + 1)
  await expect(redisHistory(redis({ 'poolkeeper:history': large })).load()).rejects.toMatchObject({ code: 'INVALID_POLICY' })
  const client = redis()
  await expect(redisHistory(client).save(large)).rejects.toMatchObject({ invalid: { option: 'history' } })
  expect(client.entries.size).toBe(0)
})

test('what goes wrong in Redis is told as it is', async () => {
  const down = async (): Promise<never> => Promise.reject(new Error('ECONNREFUSED'))
  const history = redisHistory({ get: down, set: down })
  await expect(history.load()).rejects.toThrow('ECONNREFUSED')
  await expect(history.save('one')).rejects.toThrow('ECONNREFUSED')
})

test.each([
  ['no client', undefined, {}, 'redisHistory(client)'],
  ['a URL', 'redis://user:secret@host', {}, 'redisHistory(client)'],
  ['an empty key', redis(), { key: '' }, 'redisHistory(options).key'],
  ['a key that is too long', redis(), { key: 'x'.repeat(1_025) }, 'redisHistory(options).key'],
])('%s is refused, by name', (_, client, options, option) => {
  const refused = expect.objectContaining({ code: 'INVALID_POLICY', invalid: expect.objectContaining({ option }) as object }) as Error
  expect(() => redisHistory(client as RedisHistoryClient, options)).toThrow(refused)
})

test('what is given in the place of a client is not shown', () => {
  expect(() => redisHistory('redis://user:secret@host' as unknown as RedisHistoryClient)).not.toThrow('secret')
})
