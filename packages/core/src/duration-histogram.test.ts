import { expect, test } from 'vitest'
import { DurationHistogram } from './duration-histogram.ts'

function summaryOf(...millis: readonly number[]): ReturnType<DurationHistogram['summary']> {
  const histogram = new DurationHistogram()
  for (const each of millis) histogram.record(each)
  return histogram.summary()
}

/** Two significant digits are promised. */
function about(expected: number): unknown {
  return expect.toSatisfy((actual: number) => Math.abs(actual - expected) <= expected * 0.01, `about ${expected}`)
}

test('without a record every figure is 0', () => {
  expect(summaryOf()).toEqual({ count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 })
})

test('one record is every percentile', () => {
  const one = about(42)
  expect(summaryOf(42)).toEqual({ count: 1, mean: one, p50: one, p90: one, p99: one, p999: one, max: one })
})

test('percentiles are ranks: of a thousand records from 1 to 1000 ms', () => {
  expect(summaryOf(...Array.from({ length: 1_000 }, (_, index) => index + 1))).toEqual({
    count: 1_000,
    mean: about(500.5),
    p50: about(500),
    p90: about(900),
    p99: about(990),
    p999: about(999),
    max: about(1_000),
  })
})

test('fractions of a millisecond are kept', () => {
  expect(summaryOf(0.25)).toMatchObject({ p50: about(0.25), max: about(0.25) })
})

test('durations of zero are counted, and are the lowest ranks', () => {
  const histogram = new DurationHistogram()
  for (let count = 0; count < 90; count++) histogram.recordZero()
  for (let count = 0; count < 10; count++) histogram.record(100)
  expect(histogram.summary()).toEqual({
    count: 100,
    mean: about(10),
    p50: 0,
    p90: 0,
    p99: about(100),
    p999: about(100),
    max: about(100),
  })
})

test('only zeros: counted, and every figure is 0', () => {
  const histogram = new DurationHistogram()
  histogram.recordZero()
  histogram.record(0)
  expect(histogram.summary()).toEqual({ count: 2, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 })
})

test('what is too short to measure, or negative, is zero; what is longer than a day is a day', () => {
  expect(summaryOf(0.0001, -5)).toMatchObject({ count: 2, max: 0 })
  expect(summaryOf(Infinity, 1e12)).toMatchObject({ count: 2, max: about(86_400_000) })
})

test('from a microsecond to a day, no figure is below what was recorded, nor a hundredth above it', () => {
  for (let power = 0; power < 36.3; power += 0.017) {
    const micros = Math.round(2 ** power)
    const histogram = new DurationHistogram()
    histogram.record(micros / 1_000)
    histogram.record((3 * micros) / 1_000)
    const { p50, max } = histogram.summary()
    expect(p50 * 1_000).toBeGreaterThanOrEqual(micros - 1e-6)
    expect(p50 * 1_000).toBeLessThanOrEqual(micros * 1.01)
    expect(max * 1_000).toBeCloseTo(Math.min(3 * micros, 86_400_000_000), 0)
  }
})

test('counted up to bounds: what is no longer, zeros below all of them, and the sum is exact', () => {
  const histogram = new DurationHistogram()
  histogram.recordZero()
  for (const millis of [0.1, 0.5, 1, 5, 700, 1e9]) histogram.record(millis)
  expect(histogram.buckets([0, 0.5, 1, 10, 1_000])).toEqual({
    count: 7,
    sumMillis: 706.6 + 86_400_000,
    upTo: [1, 3, 4, 5, 6],
  })
  expect(histogram.buckets([Infinity]).upTo).toEqual([7])
})

test('counted up to bounds, nothing is a hundredth beside the bound it is counted to', () => {
  for (let power = 0; power < 36; power += 0.37) {
    const millis = Math.round(2 ** power) / 1_000
    const histogram = new DurationHistogram()
    histogram.record(millis)
    expect(histogram.buckets([millis * 0.989 - 0.001, millis, millis * 1.01]).upTo).toEqual([0, 1, 1])
  }
})
