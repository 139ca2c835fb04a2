import { expect, test } from 'vitest'
import { HOST_DEFAULTS, policyOf } from '../testing/fixtures.ts'
import { inForce, rulesInForce } from './observe.ts'
import { keepsMinimum, mayWakeServer } from './values.ts'

const STRICT = {
  min: 5,
  max: 6,
  minIdle: 2,
  maxPending: 1,
  maxConcurrentCreates: 1,
  overflow: 3,
  createRetry: true,
  circuit: 1,
  acquireTimeoutMillis: 100,
  connectTimeoutMillis: 50,
  validationTimeoutMillis: 50,
  idleTimeoutMillis: 1_000,
  maxLifetimeMillis: 60_000,
  maxUses: 1,
  validateRole: 'writable',
  validateAfterIdleMillis: 0,
  keepaliveMillis: 1_000,
  onReturn: 'reset',
  onAcquire: () => 'refuse',
} as const

test('a policy that is enforced is itself in force', () => {
  const policy = policyOf(STRICT)
  expect(inForce(policy)).toBe(policy)
})

test('of a policy that only observes nothing is in force but what the host says itself', () => {
  const { min, max, acquireTimeoutMillis, connectTimeoutMillis } = HOST_DEFAULTS
  const credentials = async (): Promise<{ password: string }> => ({ password: 'secret' })
  const declared = policyOf({ ...STRICT, credentials, mode: 'observe' })
  const policy = inForce(declared)
  expect(policy).toMatchObject({ min, max, acquireTimeoutMillis, connectTimeoutMillis, name: 'fixture', mode: 'observe' })
  expect(policy).toMatchObject({ createRetry: false, circuit: false })
  expect(keepsMinimum(policy)).toBe(false)
  expect(mayWakeServer(policy)).toBe(false)
  // Without them it could not connect.
  expect(policy.credentials).toBe(credentials)
  const kept = Object.values(rulesInForce(declared)).flatMap((rules) => rules.map(({ name }) => name))
  // What somebody decided by hand.
  expect(new Set(kept)).toEqual(new Set(['recycled']))
})

test('what the user set on the host himself is the host’s own', () => {
  const explicit = { max: 3, acquireTimeoutMillis: 777, maxLifetimeMillis: 5_000 }
  const policy = inForce(policyOf({ ...STRICT, mode: 'observe' }, { explicit }))
  expect(policy).toMatchObject({ min: 2, max: 3, acquireTimeoutMillis: 777, maxLifetimeMillis: false })
})
