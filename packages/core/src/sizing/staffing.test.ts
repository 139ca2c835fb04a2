import fc from 'fast-check'
import { expect, test } from 'vitest'
import { erlangC } from './erlang.ts'
import { halfinWhitt, marginFor, squareRootStaffing, staffingFor } from './staffing.ts'

const load = fc.double({ min: 0.01, max: 2_000, noNaN: true })
const probability = fc.double({ min: 0.001, max: 0.9, noNaN: true })

test('is the limit of Erlang C when the system grows and its margin with the root', () => {
  for (const beta of [0.1, 0.5, 1, 1.5, 2]) {
    const distance = (servers: number): number => {
      // servers = load + β·√load, solved for the load.
      const root = (-beta + Math.sqrt(beta * beta + 4 * servers)) / 2
      return Math.abs(erlangC(root * root, servers) - halfinWhitt(beta))
    }
    expect(distance(100)).toBeLessThan(0.02)
    expect(distance(10_000)).toBeLessThan(0.002)
    expect(distance(1_000_000)).toBeLessThan(0.0002)
  }
})

test('the margin for a share is the one at which that share waits', () => {
  fc.assert(
    fc.property(probability, (share) => {
      expect(halfinWhitt(marginFor(share))).toBeCloseTo(share, 9)
    }),
  )
  expect(marginFor(1)).toBeCloseTo(0, 9)
})

test('fewer may wait: the margin is larger', () => {
  fc.assert(
    fc.property(probability, probability, (one, other) => {
      const [less, more] = [Math.min(one, other), Math.max(one, other)]
      expect(marginFor(less)).toBeGreaterThanOrEqual(marginFor(more))
    }),
  )
})

test('staffing keeps its promise by Erlang C, and one server fewer would not', () => {
  fc.assert(
    fc.property(load, probability, (erlangs, share) => {
      const servers = staffingFor(erlangs, share)
      expect(erlangC(erlangs, servers)).toBeLessThanOrEqual(share)
      if (servers > 1) expect(erlangC(erlangs, servers - 1)).toBeGreaterThan(share)
    }),
  )
})

test('the square root alone is off by two servers at most, and by one for shares from a twentieth', () => {
  fc.assert(
    fc.property(load, probability, (erlangs, share) => {
      const off = Math.abs(squareRootStaffing(erlangs, share) - staffingFor(erlangs, share))
      expect(off).toBeLessThanOrEqual(share < 0.05 ? 2 : 1)
    }),
  )
})

test('a large pool needs a smaller part of itself in reserve', () => {
  const reserve = (erlangs: number): number => staffingFor(erlangs, 0.05) / erlangs - 1
  expect(reserve(10)).toBeGreaterThan(2 * reserve(100))
  expect(reserve(100)).toBeGreaterThan(2 * reserve(1_000))
})

test('no load needs nobody', () => {
  expect([staffingFor(0, 0.1), squareRootStaffing(0, 0.1)]).toEqual([0, 0])
})
