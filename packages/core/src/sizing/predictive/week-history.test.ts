import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { marginOf, outlookOf, sizeFor } from './outlook.ts'
import { emptyHistory, learnt, type SlotHistory, type Visit } from './week-history.ts'

const SLOT = 7

function after(loads: readonly number[], burst = 0): SlotHistory {
  const visit = (load: number): Visit => ({ slot: SLOT, at: 0, load, busiest: load + burst })
  const { slots } = loads.map(visit).reduce(learnt, emptyHistory('UTC'))
  expect(slots.filter((slot) => slot !== undefined)).toHaveLength(1)
  return slots[SLOT] ?? { level: NaN, variance: NaN, burst: NaN, weeks: 0 }
}

/** The same numbers every time, as good as normal. */
function normals(count: number): number[] {
  let state = 1
  const uniform = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  return Array.from({ length: count }, () => Array.from({ length: 12 }, uniform).reduce((sum, each) => sum + each, -6))
}

describe('what is usual in a slot', () => {
  test('is the mean of the first weeks', () => {
    expect(after([10]).level).toBe(10)
    expect(after([10, 20]).level).toBe(15)
    expect(after([10, 20, 30]).level).toBeCloseTo(20, 9)
    expect(after([10, 20, 30]).variance).toBeCloseTo(200 / 3, 9)
  })

  test('follows what has changed within some weeks, and the last one says more than those before', () => {
    const weeks = [...Array<number>(20).fill(10), 20, 20, 20, 20]
    expect(after(weeks).level).toBeGreaterThan(17)
    expect(after([...weeks, 20, 20, 20, 20]).level).toBeGreaterThan(19)
  })

  test('of a steady load is that load, without a spread, whatever it is', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 10_000, noNaN: true }), fc.integer({ min: 1, max: 30 }), (load, weeks) => {
        const slot = after(Array<number>(weeks).fill(load), 3)
        expect(slot.level).toBeCloseTo(load, 6)
        expect(slot.variance).toBeCloseTo(0, 6)
        expect(slot.burst).toBeCloseTo(3, 6)
        expect(slot.weeks).toBe(weeks)
      }),
    )
  })

  test('lies between the least and the most that was seen, and no spread is below nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1_000, noNaN: true }), { minLength: 1, maxLength: 40 }), (loads) => {
        const { level, variance } = after(loads)
        expect(level).toBeGreaterThanOrEqual(Math.min(...loads) - 1e-9)
        expect(level).toBeLessThanOrEqual(Math.max(...loads) + 1e-9)
        expect(variance).toBeGreaterThanOrEqual(0)
        expect(variance).toBeLessThanOrEqual((Math.max(...loads) - Math.min(...loads)) ** 2 + 1e-6)
      }),
    )
  })
})

describe('the band', () => {
  test.each([
    [0.5, 0],
    [0.841345, 1],
    [0.9, 1.281552],
    [0.975, 1.959964],
    [0.999, 3.090232],
  ])('for a confidence of %d is %d standard deviations, as in the tables of the normal distribution', (confidence, margin) => {
    expect(marginOf(confidence)).toBeCloseTo(margin, 4)
  })

  test.each([0.8, 0.9, 0.95])('of %d holds in about so many weeks', (confidence) => {
    const loads = normals(3_000).map((each) => 100 + 15 * each)
    const margin = marginOf(confidence)
    let within = 0
    let slot = after(loads.slice(0, 10))
    for (const load of loads.slice(10)) {
      if (load <= outlookOf(slot, 1, margin).high) within++
      slot = learnt({ timeZone: 'UTC', slots: [slot] }, { slot: 0, at: 0, load, busiest: load }).slots[0] ?? slot
    }
    // The level is an estimate as well, so a little more is outside than the spread alone would leave.
    expect(within / (loads.length - 10)).toBeGreaterThan(confidence - 0.05)
    expect(within / (loads.length - 10)).toBeLessThan(confidence + 0.05)
  })

  test('is wide after one week, and narrower with each that is like it', () => {
    const widths = [1, 2, 4, 8].map((weeks) => {
      const { high, low } = outlookOf(after(Array<number>(weeks).fill(50)), 1, 1.28)
      return high - low
    })
    expect(widths[0]).toBeGreaterThan(10)
    for (const [index, width] of widths.entries()) if (index > 0) expect(width).toBeLessThan(widths[index - 1] ?? 0)
  })

  test('rises with the day, and a larger share of certainty asks for no fewer connections', () => {
    const slot = after([40, 50, 45], 4)
    expect(outlookOf(slot, 1.5, 1).expected).toBeCloseTo(1.5 * slot.level, 9)
    const sizes = [0.5, 0.8, 0.9, 0.99].map((confidence) => sizeFor(outlookOf(slot, 1, marginOf(confidence)), 0.01))
    expect(sizes).toEqual(sizes.toSorted((one, other) => one - other))
    expect(sizes[0]).toBeGreaterThan(50)
  })

  test('nothing is opened for what is hardly ever there', () => {
    expect(sizeFor(outlookOf(after([0.01, 0.01], 2), 1, 2), 0.01)).toBe(0)
    expect(sizeFor(outlookOf(after([0]), 1, 2), 0.01)).toBe(0)
  })
})
