import { describe, expect, it } from 'vitest'
import { linearAxis, logAxis } from './axis.ts'

describe('a logarithmic axis', () => {
  it('covers whole decades, with a tick at each', () => {
    expect(logAxis(0.4, 7_980).ticks).toEqual([0.1, 1, 10, 100, 1_000, 10_000])
  })

  it('has finer ticks when it covers few', () => {
    expect(logAxis(30, 60).ticks).toEqual([10, 20, 50, 100])
  })

  it('covers a decade when there is but one value', () => {
    expect(logAxis(10, 10).ticks).toEqual([10, 20, 50, 100])
  })

  it('gives equal ratios equal room', () => {
    const { place } = logAxis(1, 10_000)
    expect([1, 10, 100, 10_000].map(place)).toEqual([0, 0.25, 0.5, 1])
  })

  it('keeps what lies outside at its ends', () => {
    const { place } = logAxis(1, 100)
    expect([0, -1, 1e9].map(place)).toEqual([0, 0, 1])
  })
})

describe('a linear axis', () => {
  it.each([
    [9_766, [0, 2_000, 4_000, 6_000, 8_000]],
    [4_950, [0, 1_000, 2_000, 3_000, 4_000]],
    [30_000, [0, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000]],
  ])('up to %d has ticks at a round distance', (greatest, ticks) => {
    expect(linearAxis(greatest).ticks).toEqual(ticks)
  })

  it('places values by their share', () => {
    expect([0, 50, 200].map(linearAxis(200).place)).toEqual([0, 0.25, 1])
  })
})
