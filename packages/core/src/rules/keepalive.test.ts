import { expect, test } from 'vitest'
import { at, factsWith, opinion, policyOf } from '../testing/fixtures.ts'
import { keepalive } from './keepalive.ts'

const rule = keepalive(policyOf({ keepaliveMillis: 60_000 }))

test.each([
  ['a draw of 0: on time', 0, 59_999, 'no objection'],
  ['a draw of 0: on time', 0, 60_000, 'validate'],
  ['a draw of a half: half a tenth early', 0.5, 56_999, 'no objection'],
  ['a draw of a half: half a tenth early', 0.5, 57_000, 'validate'],
  ['the highest draw: never more than a tenth early', 0.999_999, 54_000, 'no objection'],
  ['the highest draw: never more than a tenth early', 0.999_999, 54_001, 'validate'],
])('silence is broken early by the connection’s own draw (%s, draw %d, after %d ms)', (_, draw, now, expected) => {
  expect(opinion(rule, factsWith({ draw }), at(now))).toBe(expected)
})

test('P-053: any answer counts as a sign of life, so a connection in use is not asked', () => {
  expect(opinion(rule, factsWith({ openedAt: 0, provenAt: 50_000 }), at(100_000))).toBe('no objection')
})

test('it is asked in rounds alone', () => {
  expect(rule?.moments).toEqual(['round'])
})

test('there is no such rule when the policy says false', () => {
  expect(keepalive(policyOf({ keepaliveMillis: false }))).toBeUndefined()
})
