import { describe, expect, test } from 'vitest'
import { at, factsWith, opinion, policyOf } from '../testing/fixtures.ts'
import { lifetimeDue, lifetimeDueAt, lifetimeOver } from './max-lifetime.ts'

const policy = policyOf({ maxLifetimeMillis: 100_000, lifetimeSpread: 0.1 })

describe('in a round', () => {
  const rule = lifetimeDue(policy)

  test.each([
    [0, 99_999, 'no objection'],
    [0, 100_000, 'retire: maxLifetime'],
    [0.5, 94_999, 'no objection'],
    [0.5, 95_000, 'retire: maxLifetime'],
    [0.999_999, 90_000, 'no objection'],
    [0.999_999, 90_001, 'retire: maxLifetime'],
  ])('with a draw of %d, at an age of %d ms: %s', (draw, age, expected) => {
    expect(opinion(rule, factsWith({ openedAt: 500, draw }), at(500 + age))).toBe(expected)
  })

  test('only then is it early: callers and returns are not bothered before the whole lifetime', () => {
    expect(rule?.moments).toEqual(['round'])
  })

  test('a spread of 0 is not early for any draw', () => {
    const strict = lifetimeDue(policyOf({ maxLifetimeMillis: 100_000, lifetimeSpread: 0 }))
    expect(opinion(strict, factsWith({ draw: 0.99 }), at(99_999))).toBe('no objection')
  })
})

describe('at checkout and on return', () => {
  const rule = lifetimeOver(policy)

  test.each([
    [0.999, 99_999, 'no objection'],
    [0, 100_000, 'retire: maxLifetime'],
  ])('the draw does not matter (%d): at an age of %d ms, %s', (draw, age, expected) => {
    expect(opinion(rule, factsWith({ openedAt: 500, draw }), at(500 + age))).toBe(expected)
  })

  test('rounds have a rule of their own', () => {
    expect(rule?.moments).toEqual(['checkout', 'return'])
  })
})

test('P-072: without a lifetime there is no such rule, and connections grow old', () => {
  const off = policyOf({ maxLifetimeMillis: false })
  expect([lifetimeDue(off), lifetimeOver(off)]).toEqual([undefined, undefined])
})

test('P-073: a thousand draws give as many moments, all within the last tenth, to the fraction of a millisecond', () => {
  const moments = Array.from({ length: 1_000 }, (_, index) => lifetimeDueAt(0, index / 1_000, 2_000, 0.1))
  expect(new Set(moments).size).toBe(1_000)
  expect(Math.min(...moments)).toBeGreaterThan(1_800)
  expect(Math.max(...moments)).toBe(2_000)
})
