import { expect, test } from 'vitest'
import { at, factsWith, opinion, policyOf } from '../testing/fixtures.ts'
import { roleKnown } from './validate-role.ts'

const rule = roleKnown(policyOf({ validateRole: 'writable' }))

test.each([
  ['has not been asked for its role', { roleProven: false }, 'validate'],
  ['was just opened: that is an answer, but says nothing of the role', { roleProven: false, provenAt: 10 }, 'validate'],
  ['was asked once', { roleProven: true, provenAt: -Infinity }, 'no objection'],
])('P-137: a connection that %s', (_, facts, expected) => {
  expect(opinion(rule, factsWith(facts), at(10))).toBe(expected)
})

test('it is asked at checkout alone', () => {
  expect(rule?.moments).toEqual(['checkout'])
})

test('there is no such rule unless the policy asks for a role', () => {
  expect(roleKnown(policyOf())).toBeUndefined()
})
