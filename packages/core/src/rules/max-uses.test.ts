import { expect, test } from 'vitest'
import { at, factsWith, opinion, policyOf } from '../testing/fixtures.ts'
import { maxUses } from './max-uses.ts'

const rule = maxUses(policyOf({ maxUses: 3 }))

test.each([
  [2, 'no objection'],
  [3, 'retire: maxUses'],
  [4, 'retire: maxUses'],
])('P-075: lent %d times of three: %s', (uses, expected) => {
  expect(opinion(rule, factsWith({ uses }), at(0))).toBe(expected)
})

test('it is asked when a connection comes back, and before it is lent', () => {
  expect(rule?.moments).toEqual(['checkout', 'return'])
})

test('there is no such rule unless the policy asks for it', () => {
  expect(maxUses(policyOf())).toBeUndefined()
})
