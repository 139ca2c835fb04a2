import { describe, expect, test } from 'vitest'
import type { CredentialFacts } from '../credentials/pool-credentials.ts'
import { at, factsWith, opinion, policyOf } from '../testing/fixtures.ts'
import { credentialDue, credentialOver, credentialOverOnReturn } from './credential.ts'

const policy = policyOf({ credentials: () => Promise.resolve({ password: '' }) })
const credential: CredentialFacts = { issue: 3, expiresAt: 100_000, marginMillis: 10_000 }
const newer: CredentialFacts = { issue: 4, expiresAt: 200_000, marginMillis: 10_000 }

describe('P-079: at checkout and on return', () => {
  const checkout = credentialOver(policy)
  const onReturn = credentialOverOnReturn(policy)

  test.each([
    ['while it lasts', { credential }, 99_999, 0, 'no objection'],
    ['when it is over', { credential }, 100_000, 0, 'retire: credential'],
    ['when it is over, and the clock stood still while the process was suspended', { credential }, 60_000, 40_000, 'retire: credential'],
    ['opened before there were credentials', {}, 1e9, 0, 'no objection'],
  ])('%s', (_, facts, now, suspendedMillis, expected) => {
    for (const rule of [checkout, onReturn]) {
      expect(opinion(rule, factsWith(facts), at(now, { suspendedMillis, credential: newer }))).toBe(expected)
    }
  })

  test.each([
    ['kept on return where there is something newer', newer, 'no objection'],
    ['not kept where there is nothing newer', credential, 'retire: credential'],
  ])('one that is over and can be logged in anew is never lent, and %s', (_, newest, expected) => {
    const situation = at(100_000, { credential: newest, reauthenticates: true })
    expect(opinion(onReturn, factsWith({ credential }), situation)).toBe(expected)
    expect(opinion(checkout, factsWith({ credential }), situation)).toBe('retire: credential')
  })

  test('each moment has a rule of its own', () => {
    expect([checkout?.moments, onReturn?.moments]).toEqual([['checkout'], ['return']])
  })
})

describe('P-079: in a round', () => {
  const rule = credentialDue(policy)

  test.each([
    ['before the margin', 0, 89_999, newer, 0, 'no objection'],
    ['within the margin', 0, 90_000, newer, 0, 'retire: credential'],
    ['a draw of a half waits for a quarter of the margin', 0.5, 92_499, newer, 0, 'no objection'],
    ['a draw of a half waits for a quarter of the margin', 0.5, 92_500, newer, 0, 'retire: credential'],
    ['the highest draw leaves half of the margin', 0.999_999, 95_001, newer, 0, 'retire: credential'],
    ['within the margin, with nothing newer to open with', 0, 95_000, credential, 0, 'no objection'],
    ['over, with nothing newer to open with', 0, 100_000, credential, 0, 'retire: credential'],
    ['refused by the server since', 0, 10, newer, 3, 'retire: credential'],
    ['older ones were refused', 0, 10, newer, 2, 'no objection'],
  ])('%s (draw %d, at %d)', (_, draw, now, newest, refusedIssue, expected) => {
    expect(opinion(rule, factsWith({ draw, credential }), at(now, { credential: newest, refusedIssue }))).toBe(expected)
  })

  test.each([
    ['within the margin', 95_000, newer, false, 'no objection'],
    ['refused by the server since', 10, newer, false, 'no objection'],
    ['over, and idle', 100_000, newer, false, 'retire: credential'],
    ['over, and held, until it is returned', 100_000, newer, true, 'no objection'],
    ['over, and held, with nothing newer', 100_000, credential, true, 'retire: credential'],
  ])('what can be logged in anew stays: %s (at %d)', (_, now, newest, held, expected) => {
    const situation = at(now, { credential: newest, refusedIssue: 3, reauthenticates: true })
    expect(opinion(rule, factsWith({ credential, held }), situation)).toBe(expected)
  })

  test('what was opened before there were credentials is left alone', () => {
    expect(opinion(rule, factsWith(), at(1e9, { credential: newer, refusedIssue: 3 }))).toBe('no objection')
  })
})

test('there are no such rules without a provider', () => {
  expect([credentialOver, credentialOverOnReturn, credentialDue].map((make) => make(policyOf()))).toEqual([undefined, undefined, undefined])
})
