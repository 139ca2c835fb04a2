import { isPoolkeeperError } from '@poolkeeper/core'
import type { RedisOptions } from 'ioredis'
import { describe, expect, test } from 'vitest'
import type { RedisPoolPolicy } from './redis-pool.ts'
import { PoolSettings } from './settings.ts'

const settingsOf = (policy: RedisPoolPolicy = {}, options: RedisOptions = {}): PoolSettings => new PoolSettings(policy, options)
const credentials = async (): Promise<{ password: string }> => ({ password: 'secret' })

function refusalOf(policy: object, options: RedisOptions = {}): string {
  try {
    settingsOf(policy, options)
  } catch (error) {
    if (isPoolkeeperError(error)) return `${error.code}: ${error.message}`
    throw error
  }
  return 'none'
}

describe('what a pool is set to', () => {
  test('without a word: ten connections, one of them a lane, and ioredis’s own patience', () => {
    const { policy, lanes } = settingsOf()
    expect(lanes).toBe(1)
    expect(policy).toMatchObject({ min: 0, max: 10, acquireTimeoutMillis: 60_000, connectTimeoutMillis: 10_000, idleTimeoutMillis: 30_000, createRetry: true })
  })

  test('by ioredis’s own options, where the policy says nothing', () => {
    const options = { connectTimeout: 700, commandTimeout: 900 }
    expect(settingsOf({}, options).policy).toMatchObject({ connectTimeoutMillis: 700, acquireTimeoutMillis: 900 })
    expect(settingsOf({ acquireTimeoutMillis: 2_000 }, options).policy.acquireTimeoutMillis).toBe(2_000)
    expect(settingsOf({}, { commandTimeout: 0, connectTimeout: 1.5 }).policy).toMatchObject({ acquireTimeoutMillis: 60_000, connectTimeoutMillis: 10_000 })
  })

  test.each([
    [{ host: 'cache', port: 7_000, db: 2 }, { system: 'redis', address: 'cache', port: 7_000, namespace: '2' }],
    [{ path: '/run/redis.sock' }, { system: 'redis', address: '/run/redis.sock', namespace: '0' }],
    [{ host: 'localhost', port: 6_379, sentinels: [{ host: 'a' }], name: 'primary' }, { system: 'redis', namespace: '0' }],
  ])('for whoever watches it: %j is the server %j', (options, server) => {
    expect(settingsOf({}, options).policy.server).toEqual(server)
  })

  test.each([
    [{ host: 'cache', port: 7_000, db: 2 }, 'redis cache:7000/2'],
    [{ sentinels: [{ host: 'a' }], name: 'primary' }, 'redis primary'],
  ])('has a name without secrets: %j is %s', (options, name) => {
    expect(settingsOf({}, { ...options, password: 'hunter2' }).policy.name).toContain(name.split(' ')[1])
    expect(settingsOf({ name: 'sessions' }, options).policy.name).toBe('sessions')
  })
})

describe('what is refused, by name', () => {
  test.each([
    [{ lanes: 0 }, 'INVALID_POLICY: `lanes` must be an integer from 1 to 100'],
    [{ lanes: 101, max: 200 }, 'INVALID_POLICY: `lanes`'],
    [{ lanes: 11 }, 'INVALID_POLICY: `lanes` must be at most `max` (10)'],
    [{ mode: 'observe' }, 'UNSUPPORTED_HOST: `mode`'],
    [{ onReturn: 'reset' }, 'UNSUPPORTED_HOST: `onReturn`'],
    [{ sizing: 'adaptive' }, '`sizing`'],
    [{ maxx: 3 }, 'INVALID_POLICY'],
    [{ credentials: { password: 'hunter2' } }, 'INVALID_POLICY'],
  ])('%j: %s', (policy, refusal) => {
    expect(refusalOf(policy)).toContain(refusal)
    expect(refusalOf(policy)).not.toContain('hunter2')
  })

  test('and what is served is not: credentials and a circuit', () => {
    expect(refusalOf({ credentials, circuit: 3 })).toBe('none')
  })
})

describe('of what a pool is set to, it falls', () => {
  test('to lanes: as many as there are, and nothing that is for what is held', () => {
    const lanes = settingsOf({ lanes: 3, max: 20, min: 5, maxUses: 9, overflow: 4, leakThresholdMillis: 500 }).ofLanes({})
    expect(lanes).toMatchObject({ max: 3, min: 3, maxUses: false, overflow: 0, leakThresholdMillis: false, onReturn: false })
  })

  test('to leases: the rest, under the same deadlines', () => {
    const leases = settingsOf({ lanes: 3, max: 20, min: 5, maxUses: 9, name: 'cache' }).leases(credentials)
    expect(leases).toMatchObject({ max: 17, min: 2, maxUses: 9, name: 'cache leases', acquireTimeoutMillis: 60_000, createRetry: true })
  })

  test('no minimum that nobody asked for', () => {
    expect(settingsOf().leases(credentials)).not.toHaveProperty('min')
  })

  test('to leases: the provider of the lanes in place of the policy’s, and none where there is none', () => {
    const own = async (): Promise<{ password: string }> => ({ password: 'own' })
    expect(settingsOf({ credentials: own }).leases(credentials).credentials).toBe(credentials)
    expect(settingsOf().leases(credentials)).not.toHaveProperty('credentials')
  })
})

describe('a change', () => {
  test('that is refused changes nothing', () => {
    const settings = settingsOf({ max: 5 })
    expect(() => settings.settle({ max: 1 }, credentials)).toThrow('above `lanes` (1)')
    expect(() => settings.settle({ mode: 'observe' }, credentials)).toThrow('mode')
    expect(settings.policy.max).toBe(5)
  })

  test('reaches both parts', () => {
    const settings = settingsOf({ max: 5 })
    const { lanes, leases } = settings.settle({ max: 8, acquireTimeoutMillis: 100 }, credentials)
    expect(settings.policy).toMatchObject({ max: 8, acquireTimeoutMillis: 100 })
    expect([settings.ofLanes(lanes).acquireTimeoutMillis, leases]).toMatchObject([100, { max: 7, acquireTimeoutMillis: 100 }])
  })

  test('makes no leases where there were none', () => {
    const settings = settingsOf({ max: 1 })
    expect(settings.hasLeases).toBe(false)
    expect(() => settings.settle({ max: 2 }, credentials)).toThrow('`max` must be `lanes` (1), as it was when the pool was made')
  })
})
