import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { observed, type ModelledLoad } from '../testing/modelled-load.ts'
import { adapt, adaptiveOptions, adaptiveStart, type AdaptiveDecision, type AdaptiveState } from './adaptive.ts'
import { erlangC } from './erlang.ts'
import type { PoolSize } from './options.ts'

const OPTIONS = adaptiveOptions({ adaptive: true })
const bounds = { min: 2, max: 100 }

class Pool {
  state: AdaptiveState = adaptiveStart(bounds)
  size: PoolSize = bounds
  readonly decisions: AdaptiveDecision[] = []
  at = 0

  run(erlangs: number, seconds: number, more: Partial<ModelledLoad> = {}): this {
    const load = { arrivalsPerSecond: erlangs * 10, serviceMillis: 100, knee: 1_000, ...more }
    for (let left = seconds; left > 0; left--) {
      const decision = adapt(this.state, observed(load, (this.at += 1_000), this.size, bounds), OPTIONS)
      if (decision.state.kept !== this.state.kept) this.decisions.push(decision)
      this.state = decision.state
      this.size = decision.size
    }
    return this
  }
}

describe('with a steady load', () => {
  test.each([5, 20, 60])('of %d erlangs, so many are kept that one caller in a hundred would wait', (erlangs) => {
    const { kept } = new Pool().run(erlangs, 300).state
    expect(erlangC(erlangs, kept)).toBeLessThanOrEqual(0.01)
    expect(erlangC(erlangs, Math.ceil(kept / 1.1) - 2)).toBeGreaterThan(0.01)
  })

  test('the size settles, and is not changed again', () => {
    const pool = new Pool().run(20, 60)
    const decided = pool.decisions.length
    expect(pool.run(20, 3_600).decisions).toHaveLength(decided)
  })

  test('that scatters by a tenth, it is changed a few times in an hour', () => {
    const pool = new Pool().run(20, 60)
    const decided = pool.decisions.length
    for (let second = 0; second < 3_600; second++) pool.run(20 * (1 + 0.1 * Math.sin(second)), 1)
    expect(pool.decisions.length - decided).toBeLessThanOrEqual(4)
  })
})

test('growth follows within seconds', () => {
  const pool = new Pool().run(5, 120).run(40, 10)
  expect(pool.state.kept).toBeGreaterThanOrEqual(40)
})

test('shrinkage waits until the load has been small for a while, and then comes in few steps', () => {
  const pool = new Pool().run(40, 300)
  const { kept } = pool.state
  expect(pool.run(5, 50).state.kept).toBe(kept)
  pool.decisions.length = 0
  pool.run(5, 600)
  expect(pool.state.kept).toBeLessThanOrEqual(14)
  expect(pool.decisions.length).toBeLessThanOrEqual(5)
})

test('a load that is gone leaves the minimum', () => {
  expect(new Pool().run(40, 300).run(0.001, 3_600).state.kept).toBe(bounds.min)
})

test('max stays open to demand, unless the server is saturated: then it says so', () => {
  const pool = new Pool().run(5, 120)
  expect(pool.size.max).toBe(100)
  pool.run(200, 120, { knee: 20 })
  expect(pool.size.max).toBeLessThanOrEqual(32)
  expect(pool.state.kept).toBeLessThanOrEqual(pool.size.max)
  expect(pool.decisions.map(({ reason }) => reason)).toContain('saturated')
})

test('whatever is observed, the size is one that can be, and within the bounds', () => {
  const load = fc.record({
    arrivalsPerSecond: fc.double({ min: 0.001, max: 5_000, noNaN: true }),
    serviceMillis: fc.double({ min: 0.1, max: 5_000, noNaN: true }),
    knee: fc.integer({ min: 1, max: 200 }),
  })
  fc.assert(
    fc.property(fc.array(fc.tuple(load, fc.integer({ min: 1, max: 60 })), { maxLength: 12 }), (hours) => {
      const pool = new Pool()
      for (const [{ arrivalsPerSecond, ...more }, seconds] of hours) {
        pool.run(arrivalsPerSecond / 10, seconds, more)
        expect(pool.size.min).toBeGreaterThanOrEqual(bounds.min)
        expect(pool.size.min).toBeLessThanOrEqual(pool.size.max)
        expect(pool.size.max).toBeLessThanOrEqual(bounds.max)
      }
    }),
  )
})

test('many short windows weigh as much as one long one', () => {
  const long = adapt(adapt(adaptiveStart(bounds), observed({ arrivalsPerSecond: 10, serviceMillis: 100, knee: 99 }, 0, bounds, bounds), OPTIONS).state, {
    ...observed({ arrivalsPerSecond: 100, serviceMillis: 100, knee: 99 }, 10_000, bounds, bounds),
    windowMillis: 10_000,
  }, OPTIONS)
  const short = new Pool().run(1, 1).run(10, 10)
  expect(short.state.load?.usually).toBeCloseTo(long.state.load?.usually ?? 0, 9)
})
