import { expect, test } from 'vitest'
import { policyOf } from '../testing/fixtures.ts'
import { rulesOf, type RulesByMoment } from './index.ts'

function names(rules: RulesByMoment): Record<string, string[]> {
  return Object.fromEntries(Object.entries(rules).map(([moment, list]) => [moment, list.map(({ name }) => name)]))
}

test('each moment asks its own rules, those that retire before those that validate', () => {
  expect(names(rulesOf(policyOf({ maxUses: 5 })))).toEqual({
    checkout: ['lifetimeOver', 'maxUses', 'validateAfterIdle'],
    return: ['lifetimeOver', 'maxUses'],
    round: ['lifetimeDue', 'recycled', 'keepalive'],
    idle: ['idleTimeout'],
  })
})

test('a policy with credentials asks for their end as well', () => {
  const { checkout, return: onReturn, round } = names(rulesOf(policyOf({ credentials: () => Promise.resolve({ password: '' }) })))
  expect(checkout).toContain('credentialOver')
  expect(onReturn).toContain('credentialOverOnReturn')
  expect(round).toContain('credentialDue')
})

test('what the policy switches off is not asked', () => {
  const off = policyOf({
    maxLifetimeMillis: false,
    idleTimeoutMillis: false,
    validateAfterIdleMillis: false,
    keepaliveMillis: false,
  })
  expect(names(rulesOf(off))).toEqual({
    checkout: [],
    return: [],
    round: ['recycled'],
    idle: [],
  })
})

test('nobody can exchange the rules of a moment afterwards', () => {
  const rules = rulesOf(policyOf())
  expect(Object.isFrozen(rules)).toBe(true)
})
