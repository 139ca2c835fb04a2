import { describe, expect, test } from 'vitest'
import { at, factsWith, opinion, policyOf } from '../testing/fixtures.ts'
import { validateAfterIdle } from './validate-after-idle.ts'

describe('the window', () => {
  const rule = validateAfterIdle(policyOf({ validateAfterIdleMillis: 2_000 }))

  test.each([
    ['proven just within it', { uses: 1, provenAt: 0 }, 1_999, 'no objection'],
    ['proven just before it', { uses: 1, provenAt: 0 }, 2_000, 'validate'],
    ['long idle, but asked a moment ago', { uses: 1, idleSince: 0, provenAt: 10_000 }, 10_100, 'no objection'],
    ['used a moment ago, but without an answer for long', { uses: 1, idleSince: 10_000, provenAt: 0 }, 10_100, 'validate'],
    ['proven within it, but suspect since', { uses: 1, provenAt: 0, suspect: true }, 1, 'validate'],
    ['never proven', { uses: 1, provenAt: -Infinity }, 0, 'validate'],
  ])('P-051: a connection that was %s', (_, facts, now, expected) => {
    expect(opinion(rule, factsWith(facts), at(now))).toBe(expected)
  })

  const always = validateAfterIdle(policyOf({ validateAfterIdleMillis: 0 }))

  test('a window of 0 checks at every checkout', () => {
    expect(opinion(always, factsWith({ uses: 1, provenAt: 7 }), at(7))).toBe('validate')
  })

  test.each([
    ['a window of 0', always, 499, 'no objection'],
    ['a window of 0', always, 500, 'validate'],
    ['a longer window', rule, 1_999, 'no objection'],
  ])('P-052: a connection that nobody used yet is proven by its opening (%s)', (_, given, now, expected) => {
    expect(opinion(given, factsWith({ uses: 0, openedAt: 0, provenAt: 0 }), at(now))).toBe(expected)
  })

  test('it is asked at checkout alone', () => {
    expect(rule?.moments).toEqual(['checkout'])
  })
})

describe('the generation', () => {
  const rule = validateAfterIdle(policyOf())

  test.each([
    [0, 0, 'no objection'],
    [0, 1, 'validate'],
    [1, 1, 'no objection'],
    [1, 3, 'validate'],
  ])('P-063: proven in generation %d while it is %d: %s', (provenGeneration, generation, expected) => {
    expect(opinion(rule, factsWith({ provenGeneration, provenAt: 0 }), at(0, { generation }))).toBe(expected)
  })
})

test('without checks there is no such rule', () => {
  expect(validateAfterIdle(policyOf({ validateAfterIdleMillis: false }))).toBeUndefined()
})
