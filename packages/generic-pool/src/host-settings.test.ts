import type { PoolPolicyOptions } from '@poolkeeper/core'
import { createPool, type Options } from 'generic-pool'
import { describe, expect, test } from 'vitest'
import { applyPoolPolicy } from './apply-pool-policy.ts'
import { asGenericPool } from './generic-pool.ts'
import { hostSettings } from './host-settings.ts'
import { knownResource, type ResourceDriver } from './resource-driver.ts'

interface Given {
  readonly options?: Options
  readonly validate?: () => Promise<boolean>
  readonly driver?: ResourceDriver<object>
}

function poolOf({ options, validate }: Given): ReturnType<typeof createPool<object>> {
  const factory = { create: async (): Promise<object> => ({}), destroy: async (): Promise<void> => {} }
  return createPool<object>(validate === undefined ? factory : { ...factory, validate }, options)
}

function settingsOf(given: Given = {}): ReturnType<typeof hostSettings> {
  const pool = asGenericPool(poolOf(given))
  return hostSettings(pool._config, knownResource(pool, given.driver ?? {}))
}

const validate = async (): Promise<boolean> => true

test('of a pool without options, every wait has an end, and a create that fails is begun again', () => {
  const { defaults, explicit } = settingsOf()
  expect(defaults).toEqual({
    name: 'generic-pool',
    min: 0,
    max: 1,
    acquireTimeoutMillis: 60_000,
    connectTimeoutMillis: 60_000,
    idleTimeoutMillis: 30_000,
  })
  expect(explicit).toEqual({ createRetry: true })
})

test('what its user said is his', () => {
  const options = { max: 20, min: 2, acquireTimeoutMillis: 3_000, maxWaitingClients: 5, idleTimeoutMillis: 9_000, testOnBorrow: true }
  expect(settingsOf({ options, validate }).explicit).toEqual({
    max: 20,
    min: 2,
    acquireTimeoutMillis: 3_000,
    maxPending: 5,
    idleTimeoutMillis: 9_000,
    validateAfterIdleMillis: 0,
    createRetry: true,
  })
})

test.each([
  [{ idleTimeoutMillis: 30_000, softIdleTimeoutMillis: 5_000 }, 5_000],
  [{ idleTimeoutMillis: 4_000, softIdleTimeoutMillis: 5_000 }, 4_000],
  [{ idleTimeoutMillis: Infinity }, false],
  [{ idleTimeoutMillis: -1 }, false],
  [{ idleTimeoutMillis: 0.5 }, 1],
])('of its ways of saying how long something may lie idle, the shortest holds: %j', (options, millis) => {
  expect(settingsOf({ options }).defaults.idleTimeoutMillis).toBe(millis)
})

test('nobody waits, if it says so', () => {
  expect(settingsOf({ options: { maxWaitingClients: 0 } }).explicit).toMatchObject({ maxPending: 0 })
})

describe('a resource that nobody knows how to ask', () => {
  test('is not asked', () => {
    expect(settingsOf({ options: { testOnBorrow: true } }).fixed).toEqual({ validateAfterIdleMillis: false, keepaliveMillis: false })
    expect(settingsOf({ validate }).fixed).toEqual({})
    expect(settingsOf({ driver: { validate: async () => {} } }).fixed).toEqual({})
  })

  test.each<[string, PoolPolicyOptions, Given]>([
    ['validateAfterIdleMillis', { validateAfterIdleMillis: 500 }, {}],
    ['keepaliveMillis', { keepaliveMillis: 60_000 }, {}],
    ['validationQuery', { validationQuery: 'select 1' }, { validate }],
    ['validateRole', { validateRole: 'writable' }, { validate }],
    ['onReturn', { onReturn: 'reset' }, { validate }],
  ])('and a policy that wants it is refused, by name: %s', (option, policy, given) => {
    const refusal = { code: 'INVALID_POLICY', invalid: expect.objectContaining({ option }), message: expect.stringContaining('must be left out without') }
    expect(() => applyPoolPolicy(poolOf(given), policy)).toThrow(expect.objectContaining(refusal))
  })

  test('what is off, or known, is not', () => {
    const off: PoolPolicyOptions = { validateAfterIdleMillis: false, keepaliveMillis: false, validateRole: false, onReturn: false }
    applyPoolPolicy(poolOf({}), off).detach()
    const known: PoolPolicyOptions = { validateAfterIdleMillis: 0, keepaliveMillis: 60_000, onReturn: 'reset' }
    applyPoolPolicy(poolOf({ validate }), known, { reset: async () => {} }).detach()
  })
})
