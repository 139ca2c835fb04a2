import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { asPgPool, giveToHost, isPgPool, takeFromHost, withOptions, type PoolClient } from './pg-pool.ts'

const refusal = (message: string): object => expect.objectContaining({ code: 'UNSUPPORTED_HOST', message })

describe('what is taken for a pool of pg', () => {
  test('a pool is, and a subclass of it', () => {
    class OwnPool extends pg.Pool {}
    for (const pool of [new pg.Pool(), new OwnPool()]) expect(asPgPool(pool)).toBe(pool)
  })

  test.each([
    ['nothing', undefined, 'this is not a pool of pg'],
    ['something else', { query: () => {} }, 'this is not a pool of pg'],
    ['a single client', new pg.Client(), 'this is not a pool of pg: a single client has no pool to attend'],
  ])('%s is not', (_what, value, message) => {
    expect(isPgPool(value)).toBe(false)
    expect(() => asPgPool(value)).toThrow(refusal(message))
  })

  test('one whose inside is another says what is missing', () => {
    const pool = Object.assign(new pg.Pool(), { _pulseQueue: undefined, _idle: undefined, _expired: undefined })
    // Own properties hide those of the class; its counts are made of the lists.
    const counts = { idleCount: { value: 0 }, totalCount: { value: 0 }, waitingCount: { value: 0 } }
    Object.defineProperties(pool, counts)
    expect(() => asPgPool(pool)).toThrow(
      refusal('this pool is not one of pg 8.11 or later as this version knows them: _pulseQueue, _idle, _expired missing'),
    )
  })

  test('one that was ended is refused', async () => {
    const pool = new pg.Pool()
    await pool.end()
    expect(() => asPgPool(pool)).toThrow(refusal('this pool was ended already'))
  })
})

describe('the options of a pool', () => {
  test('are others while a client is made, and as they were after that', () => {
    const pool = asPgPool(new pg.Pool({ user: 'one', password: 'secret', host: 'db' }))
    const before = Object.getOwnPropertyDescriptors(pool.options)
    let seen: unknown
    const work = (): void => {
      const { user, password, host } = pool.options
      seen = { user, password, host, shown: Object.keys(pool.options) }
      throw new Error('no client')
    }
    expect(() => withOptions(pool, { user: 'two', password: 'token', host: 'db' }, work)).toThrow('no client')
    expect(seen).toEqual({ user: 'two', password: 'token', host: 'db', shown: expect.not.arrayContaining(['password']) as unknown })
    expect(Object.getOwnPropertyDescriptors(pool.options)).toEqual(before)
  })
})

describe('what is given back to pg-pool', () => {
  function idleIn(options: pg.PoolConfig): { timer: NodeJS.Timeout | undefined; heard: number; after: number } {
    const pool = asPgPool(new pg.Pool(options))
    const client = new pg.Client() as unknown as PoolClient & pg.Client
    pool._clients.push(client)
    const item = giveToHost(pool, { client, idleListener: () => {} })
    const heard = client.listenerCount('error')
    takeFromHost(item)
    return { timer: item.timeoutId, heard, after: client.listenerCount('error') }
  }

  test('is listened to, and closed after the idle timeout', () => {
    const { timer, heard, after } = idleIn({ idleTimeoutMillis: 5_000 })
    expect([timer?.hasRef(), heard, after]).toEqual([true, 1, 0])
  })

  test('holds no process where that is allowed', () => {
    expect(idleIn({ allowExitOnIdle: true }).timer?.hasRef()).toBe(false)
  })

  test.each([{ idleTimeoutMillis: 0 }, { min: 1 }])('is kept for ever with %j', (options) => {
    expect(idleIn(options).timer).toBeUndefined()
  })
})
