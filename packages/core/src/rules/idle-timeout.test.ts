import { expect, test } from 'vitest'
import { at, factsWith, opinion, policyOf } from '../testing/fixtures.ts'
import { idleTimeout } from './idle-timeout.ts'

const rule = idleTimeout(policyOf({ idleTimeoutMillis: 30_000 }))

test.each([
  ['just before the timeout', { idleSince: 1_000 }, 30_999, 'no objection'],
  ['at the timeout', { idleSince: 1_000 }, 31_000, 'retire: idle'],
  ['never lent, and so idle since it was opened', { openedAt: 0, idleSince: 0 }, 30_000, 'retire: idle'],
  ['P-008: old and busy a moment ago: idle counts from the return', { openedAt: 0, idleSince: 90_000 }, 100_000, 'no objection'],
  ['P-060: kept alive meanwhile, which is no use', { idleSince: 0, provenAt: 29_999 }, 30_000, 'retire: idle'],
  ['P-008: in use, however long', { idleSince: 0, lentAt: 10 }, 1e9, 'no objection'],
])('%s', (_, facts, now, expected) => {
  expect(opinion(rule, factsWith(facts), at(now))).toBe(expected)
})

test('it is asked in rounds alone, and apart: what min keeps is spared, and no caller finds his connection gone for it', () => {
  expect(rule?.moments).toEqual(['idle'])
})

test('there is no such rule when the policy says false', () => {
  expect(idleTimeout(policyOf({ idleTimeoutMillis: false }))).toBeUndefined()
})
