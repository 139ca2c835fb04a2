import { describe, expect, test } from 'vitest'
import { RoundTrips } from './round-trips.ts'

const DEADLINE = 1_000

function after(...millis: number[]): number {
  const roundTrips = new RoundTrips()
  for (const each of millis) roundTrips.add(each)
  return roundTrips.slowAfter(DEADLINE)
}

describe('when a check is slow', () => {
  test.each([
    ['nobody knows yet: half of its deadline', [], 500],
    ['two answers are no history', [1, 1], 500],
    ['three are: four times the second slowest', [30, 40, 50], 160],
    ['never before 100 ms, however fast the server usually is', [1, 1, 1], 100],
    ['one outlier changes nothing', [1, 1, 1, 1, 900], 100],
    ['two slow answers show that the server has become slow', [1, 1, 1, 600, 600], 2_400],
  ])('%s', (_, history, expected) => {
    expect(after(...history)).toBe(expected)
  })

  test('only the last sixteen answers count', () => {
    expect(after(600, 600, ...Array.from({ length: 14 }, () => 30))).toBe(2_400)
    expect(after(600, 600, ...Array.from({ length: 15 }, () => 30))).toBe(120)
  })
})
