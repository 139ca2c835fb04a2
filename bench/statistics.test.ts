import { describe, expect, test } from 'vitest'
import { estimate, median, quantile } from './statistics.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

describe('the median', () => {
  test('is the middle sample, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5)
  })

  test('is halfway between the two in the middle', () => {
    expect(median([4, 1, 2, 9])).toBe(3)
  })

  test('of nothing is an error, not a number', () => {
    expect(() => median([])).toThrow(RangeError)
  })
})

describe('a quantile', () => {
  test('is the smallest sample that the share does not exceed', () => {
    expect(quantile(upTo(1_000), 0.999)).toBe(999)
    expect(quantile(upTo(1_001), 0.999)).toBe(1_000)
    expect(quantile(upTo(10), 0.5)).toBe(5)
  })

  test('stays within the samples at both ends', () => {
    expect(quantile([3], 0)).toBe(3)
    expect(quantile([3], 1)).toBe(3)
  })
})

describe('the interval of the median', () => {
  test('is that of the binomial table', () => {
    expect(estimate(upTo(31))).toEqual({ median: 16, low: 10, high: 22, samples: 31 })
    expect(estimate(upTo(61))).toEqual({ median: 31, low: 23, high: 39, samples: 61 })
  })

  test('is the whole range when there are too few samples for one', () => {
    expect(estimate([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3, samples: 3 })
  })

  test('does not move with an outlier', () => {
    expect(estimate([...upTo(30), 1e9])).toEqual(estimate(upTo(31)))
  })
})
