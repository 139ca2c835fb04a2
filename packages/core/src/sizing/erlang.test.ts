import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { erlangB, erlangC, meanWait } from './erlang.ts'

const load = fc.double({ min: 0.01, max: 500, noNaN: true })
const ROUNDING = 1e-12
const servers = fc.integer({ min: 1, max: 1_000 })

describe('published values', () => {
  // Westbay Engineers, Erlang Calculator manual, "How much traffic can a trunk group handle?":
  // 15 lines at a blocking of 1 % carry 8.108 erlangs. erlang.com/calculatormanual
  test('Erlang B: 15 lines that turn one call in a hundred away can be offered 8.108 erlangs', () => {
    expect(erlangB(8.108, 15)).toBeCloseTo(0.01, 5)
  })

  // J. Dunlop, D. Girma, J. Irvine, "Digital Mobile Communications and the TETRA System" (Wiley 1999),
  // appendix A.4, Erlang C table and its example; loads have two decimals there.
  test.each([
    [8, 0.05, 3.87],
    [10, 0.01, 4.08],
  ])('Erlang C: %d channels of which %d of the calls are delayed can be offered %d erlangs', (channels, delayed, erlangs) => {
    expect(erlangC(erlangs - 0.005, channels)).toBeLessThan(delayed)
    expect(erlangC(erlangs + 0.005, channels)).toBeGreaterThan(delayed)
  })

  // C = (aᶜ/c!)·(1/(1−ρ)) / (Σ aᵏ/k! + (aᶜ/c!)·(1/(1−ρ))), by hand, in fractions.
  test.each([
    [0.3, 1, 0.3],
    [1, 2, 1 / 3],
    [2, 3, 4 / 9],
    [3, 4, (27 / 8) * 4 / (1 + 3 + 4.5 + 4.5 + (27 / 8) * 4)],
  ])('Erlang C of %d erlangs on %d servers is what the sum says', (erlangs, count, expected) => {
    expect(erlangC(erlangs, count)).toBeCloseTo(expected, 12)
  })
})

test('the recursion is the definition: aᶜ/c! over the sum of its like', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 30, noNaN: true }), fc.integer({ min: 0, max: 60 }), (erlangs, count) => {
      let [term, sum] = [1, 1]
      for (let k = 1; k <= count; k++) sum += term *= erlangs / k
      expect(erlangB(erlangs, count)).toBeCloseTo(term / sum, 12)
    }),
  )
})

test('both are shares, and whoever may wait meets busy servers more often than whoever may not', () => {
  fc.assert(
    fc.property(load, servers, (erlangs, count) => {
      const [blocked, delayed] = [erlangB(erlangs, count), erlangC(erlangs, count)]
      expect(blocked).toBeGreaterThanOrEqual(0)
      expect(delayed).toBeGreaterThanOrEqual(blocked - ROUNDING)
      expect(delayed).toBeLessThanOrEqual(1)
    }),
  )
})

test('one more server never makes more wait, nor wait longer', () => {
  fc.assert(
    fc.property(load, servers, (erlangs, count) => {
      expect(erlangC(erlangs, count + 1)).toBeLessThanOrEqual(erlangC(erlangs, count) + ROUNDING)
      expect(meanWait(erlangs, count + 1)).toBeLessThanOrEqual(meanWait(erlangs, count) + ROUNDING)
    }),
  )
})

test('more load never makes fewer wait', () => {
  fc.assert(
    fc.property(load, fc.double({ min: 0, max: 50, noNaN: true }), servers, (erlangs, more, count) => {
      expect(erlangC(erlangs + more, count)).toBeGreaterThanOrEqual(erlangC(erlangs, count) - ROUNDING)
    }),
  )
})

test('one server is a queue whose mean wait is ρ/(1−ρ) services', () => {
  expect(meanWait(0.8, 1)).toBeCloseTo(4, 12)
  expect(meanWait(1, 1)).toBe(Infinity)
})

test('with no load nobody waits; with too few servers everybody does', () => {
  expect(erlangC(0, 1)).toBe(0)
  expect(erlangC(5, 5)).toBe(1)
})
