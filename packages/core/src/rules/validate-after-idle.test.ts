import { describe, expect, test } from 'vitest'
import { at, factsWith, opinion, policyOf } from '../testing/fixtures.ts'
import { provenThisGeneration, validateAfterIdle } from './validate-after-idle.ts'

describe('the window', () => {
  const rule = validateAfterIdle(policyOf({ validateAfterIdleMillis: 500 }))

  test.each([
    ['proven just within it', { provenAt: 0 }, 499, 'no objection'],
    ['proven just before it', { provenAt: 0 }, 500, 'validate'],
    ['long idle, but asked a moment ago', { idleSince: 0, provenAt: 10_000 }, 10_100, 'no objection'],
    ['used a moment ago, but without an answer for long', { idleSince: 10_000, provenAt: 0 }, 10_100, 'validate'],
    ['proven within it, but suspect since', { provenAt: 0, suspect: true }, 1, 'validate'],
    ['never proven', { provenAt: -Infinity }, 0, 'validate'],
  ])('P-051: a connection that was %s', (_, facts, now, expected) => {
    expect(opinion(rule, factsWith(facts), at(now))).toBe(expected)
  })

  test('a window of 0 checks at every checkout', () => {
    const always = validateAfterIdle(policyOf({ validateAfterIdleMillis: 0 }))
    expect(opinion(always, factsWith({ provenAt: 7 }), at(7))).toBe('validate')
  })

  test('it is asked at checkout alone', () => {
    expect(rule?.moments).toEqual(['checkout'])
  })
})

describe('the generation', () => {
  const rule = provenThisGeneration(policyOf())

  test.each([
    [0, 0, 'no objection'],
    [0, 1, 'validate'],
    [1, 1, 'no objection'],
    [1, 3, 'validate'],
  ])('P-063: proven in generation %d while it is %d: %s', (provenGeneration, generation, expected) => {
    expect(opinion(rule, factsWith({ provenGeneration }), at(0, { generation }))).toBe(expected)
  })
})

test('without checks there are no such rules', () => {
  const off = policyOf({ validateAfterIdleMillis: false })
  expect([validateAfterIdle(off), provenThisGeneration(off)]).toEqual([undefined, undefined])
})
