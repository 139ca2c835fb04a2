import { expect, test } from 'vitest'
import { policyOf } from '../testing/fixtures.ts'
import { rulesOf, type RulesByMoment } from './index.ts'

function names(rules: RulesByMoment): Record<string, string[]> {
  return Object.fromEntries(Object.entries(rules).map(([moment, list]) => [moment, list.map(({ name }) => name)]))
}

test('each moment asks its own rules, those that retire before those that validate', () => {
  expect(names(rulesOf(policyOf({ maxUses: 5 })))).toEqual({
    checkout: ['condemned', 'lifetimeOver', 'maxUses', 'validateAfterIdle', 'provenThisGeneration'],
    return: ['condemned', 'lifetimeOver', 'maxUses'],
    round: ['condemned', 'lifetimeDue', 'recycled', 'keepalive'],
    idle: ['idleTimeout'],
  })
})

test('a policy with credentials asks for their end as well', () => {
  const { checkout, return: onReturn, round } = names(rulesOf(policyOf({ credentials: () => Promise.resolve({ password: '' }) })))
  expect(checkout).toContain('credentialOver')
  expect(onReturn).toContain('credentialOver')
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
    checkout: ['condemned'],
    return: ['condemned'],
    round: ['condemned', 'recycled'],
    idle: [],
  })
})

test('nobody can change the rules afterwards', () => {
  const rules = rulesOf(policyOf())
  expect([rules, ...Object.values(rules)].every(Object.isFrozen)).toBe(true)
})
