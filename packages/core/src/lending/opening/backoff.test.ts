import { describe, expect, test } from 'vitest'
import { Backoff, LEAST_PAUSE_MILLIS } from './backoff.ts'

const RANGE = { firstMillis: 100, longestMillis: 5_000 }

/** Fails so often, each attempt begun when the last pause was over, with the same draw. */
function pauses(backoff: Backoff, draws: readonly number[]): number[] {
  let now = 0
  return draws.map((draw) => {
    backoff.failed({ startedAt: now, failedAt: now, isHopeless: false }, RANGE, () => draw)
    const pause = backoff.leftMillis(now, false)
    now += pause
    return pause
  })
}

describe('P-101: a pause', () => {
  test('is drawn from nothing up to a limit that doubles', () => {
    expect(pauses(new Backoff(), [1, 1, 1, 1, 1, 1, 1, 1])).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
    expect(pauses(new Backoff(), [0.25, 0.75, 0.5])).toEqual([25, 150, 200])
  })

  test('is never so short that failing at once would spin', () => {
    expect(pauses(new Backoff(), [0, 0, 0.01, 0.19])).toEqual([20, 20, LEAST_PAUSE_MILLIS, 152])
  })

  test('stays within its bounds also after a thousand failures', () => {
    expect(pauses(new Backoff(), Array.from({ length: 1_000 }, () => 1)).at(-1)).toBe(5_000)
  })

  test('is cut to half a second while somebody needs a connection, from the failure on', () => {
    const backoff = new Backoff()
    pauses(backoff, [1, 1, 1, 1, 1])
    backoff.failed({ startedAt: 9_999, failedAt: 10_000, isHopeless: false }, RANGE, () => 1)
    expect([backoff.leftMillis(10_000, false), backoff.leftMillis(10_000, true)]).toEqual([3_200, 500])
    expect(backoff.leftMillis(10_499, true)).toBe(1)
    expect(backoff.leftMillis(10_499.5, true)).toBe(0)
    expect(backoff.leftMillis(12_000, true)).toBe(0)
  })

  test('is not cut for anybody when the server refused the credentials', () => {
    const backoff = new Backoff()
    for (let now = 0; now < 10; now++) backoff.failed({ startedAt: now, failedAt: now, isHopeless: true }, RANGE, () => 1)
    expect(backoff.isHopeless).toBe(true)
    expect(backoff.leftMillis(10, true)).toBe(9 + 5_000 - 10)
  })

  test('stands when an attempt fails that began before the last failure was known', () => {
    const backoff = new Backoff()
    backoff.failed({ startedAt: 0, failedAt: 20, isHopeless: false }, RANGE, () => 1)
    backoff.failed({ startedAt: 5, failedAt: 25, isHopeless: false }, RANGE, () => 0)
    expect(backoff.failures).toBe(1)
    expect(backoff.leftMillis(25, false)).toBe(95)
  })

  test('is over with the first success, and the next outage begins anew', () => {
    const backoff = new Backoff()
    pauses(backoff, [1, 1, 1, 1])
    backoff.succeeded()
    expect([backoff.failures, backoff.isFailing, backoff.leftMillis(0, false)]).toEqual([0, false, 0])
    expect(pauses(backoff, [1, 1])).toEqual([100, 200])
  })
})
