import type { ChainableCommander, Redis, RedisCommander } from 'ioredis'
import { describe, expectTypeOf, test } from 'vitest'
import { createRedisPool, keeperOf, type NotOnPool, type PoolKeeper, type RedisPool } from './index.ts'

declare const pool: RedisPool
declare const factory: () => Redis

/** Every command that the pool has; `multi` is looked at by itself. */
type Command = Exclude<keyof RedisCommander, NotOnPool | 'multi'>
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Commands whose types on the pool are not those of ioredis. */
type Different = { [K in Command]: Equal<RedisPool[K], Redis[K]> extends true ? never : K }[Command]

describe('a command of the pool', () => {
  test('has the type that it has in ioredis, each of them', () => {
    expectTypeOf<Different>().toEqualTypeOf<never>()
    expectTypeOf(pool.get).toEqualTypeOf<Redis['get']>()
    expectTypeOf(pool.hgetallBuffer).toEqualTypeOf<Redis['hgetallBuffer']>()
    expectTypeOf(pool.xreadgroup).toEqualTypeOf<Redis['xreadgroup']>()
    expectTypeOf(pool.defineCommand).toEqualTypeOf<Redis['defineCommand']>()
    expectTypeOf(pool.scanStream).toEqualTypeOf<Redis['scanStream']>()
    expectTypeOf(pool.pipeline).toEqualTypeOf<Redis['pipeline']>()
  })

  test('that concerns one connection is none', () => {
    expectTypeOf<Extract<keyof RedisPool, NotOnPool>>().toEqualTypeOf<never>()
    expectTypeOf<'subscribe' | 'select' | 'watch' | 'monitor' | 'auth' | 'client' | 'wait'>().toExtend<NotOnPool>()
    // @ts-expect-error a transaction that is sent command by command would take in everybody's
    void pool.multi({ pipeline: false })
  })

  test('in a transaction is one of ioredis', () => {
    expectTypeOf(pool.multi()).toEqualTypeOf<ChainableCommander>()
    expectTypeOf(pool.multi([['get', 'key']])).toEqualTypeOf<ChainableCommander>()
    expectTypeOf(pool.multi({ pipeline: true })).toEqualTypeOf<ChainableCommander>()
  })
})

test('a pool is made of what a client is made of', () => {
  expectTypeOf(createRedisPool('redis://localhost')).toEqualTypeOf<RedisPool>()
  expectTypeOf(createRedisPool({ host: 'localhost', db: 1 }, { max: 3, lanes: 2 })).toEqualTypeOf<RedisPool>()
  expectTypeOf(createRedisPool('redis://localhost', { tls: {} }, { name: 'sessions' })).toEqualTypeOf<RedisPool>()
  expectTypeOf(createRedisPool(factory)).toEqualTypeOf<RedisPool>()
  expectTypeOf(keeperOf(pool)).toEqualTypeOf<PoolKeeper>()
  expectTypeOf(pool.status).toEqualTypeOf<Redis['status']>()
  expectTypeOf(pool.duplicate({ db: 2 })).toEqualTypeOf<RedisPool>()
  expectTypeOf(pool.quit()).toEqualTypeOf<Promise<'OK'>>()
})
