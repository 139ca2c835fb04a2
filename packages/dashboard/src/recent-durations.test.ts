import type { DurationBuckets } from '@poolkeeper/core'
import { expect, test } from 'vitest'
import { RecentDurations } from './recent-durations.ts'

/** Counts durations as a keeper does. */
class Durations {
  readonly #millis: number[] = []

  took(...millis: number[]): this {
    this.#millis.push(...millis)
    return this
  }

  durations(_what: string, bounds: readonly number[]): DurationBuckets {
    const upTo = bounds.map((bound) => this.#millis.filter((millis) => millis <= bound).length)
    return { count: this.#millis.length, sumMillis: 0, upTo }
  }
}

test('nothing is known before the first look, and nothing was recent at it', () => {
  const recent = new RecentDurations(3)
  expect(recent.summary('wait').count).toBe(0)
  recent.look(new Durations().took(5, 5))
  expect(recent.summary('wait')).toEqual({ count: 0, p50: 0, p90: 0, p99: 0 })
})

test('what came since the oldest look counts, within the width of a bucket', () => {
  const [recent, keeper] = [new RecentDurations(3), new Durations().took(900, 900)]
  recent.look(keeper)
  recent.look(keeper.took(...Array.from({ length: 99 }, () => 10), 400))
  const { count, p50, p90, p99 } = recent.summary('use')
  expect(count).toBe(100)
  for (const percentile of [p50, p90, p99]) expect(Math.abs(Math.log(percentile / 10))).toBeLessThan(Math.log(1.4))
})

test('what is older than the looks that are kept is over', () => {
  const [recent, keeper] = [new RecentDurations(2), new Durations()]
  recent.look(keeper)
  recent.look(keeper.took(10))
  expect(recent.summary('wait').count).toBe(1)
  recent.look(keeper)
  expect(recent.summary('wait').count).toBe(0)
})

test('what took longer than anything that is told apart is told as that', () => {
  const [recent, keeper] = [new RecentDurations(2), new Durations()]
  recent.look(keeper)
  recent.look(keeper.took(86_400_000))
  expect(recent.summary('wait').p50).toBeGreaterThan(300_000)
})
