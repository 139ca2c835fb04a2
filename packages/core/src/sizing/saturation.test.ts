import { describe, expect, test } from 'vitest'
import { observed, type ModelledLoad } from '../testing/modelled-load.ts'
import { judgeSaturation, unsaturated, type Saturation } from './saturation.ts'

const COOLDOWN_MILLIS = 60_000
const bounds = { min: 2, max: 40 }
const SECOND = 1_000

/** A pool that heeds its limit, second by second. */
class Pool {
  state: Saturation = unsaturated(bounds.max)
  readonly limits: number[] = []
  #at = 0

  run(load: ModelledLoad, seconds: number): this {
    for (let left = seconds; left > 0; left--) {
      this.#at += SECOND
      const observation = observed(load, this.#at, { min: bounds.min, max: this.state.limit }, bounds)
      this.state = judgeSaturation(this.state, observation, COOLDOWN_MILLIS)
      if (this.limits.at(-1) !== this.state.limit) this.limits.push(this.state.limit)
    }
    return this
  }
}

const easy: ModelledLoad = { arrivalsPerSecond: 50, serviceMillis: 100, knee: 10 }
const flood: ModelledLoad = { ...easy, arrivalsPerSecond: 300 }

describe('a server that does no more than ten things at once', () => {
  test('under a flood is left with little more connections than that, within a minute', () => {
    const pool = new Pool().run(easy, 60).run(flood, 60)
    expect(pool.state.limit).toBeGreaterThanOrEqual(10)
    expect(pool.state.limit).toBeLessThanOrEqual(15)
  })

  test('never with so few that it gets less done for longer than a try takes', () => {
    const pool = new Pool().run(easy, 60).run(flood, 1_200)
    const tooFew = pool.limits.filter((limit) => limit < 10)
    expect(tooFew).toEqual([])
    expect(pool.state.limit).toBeLessThanOrEqual(20)
  })

  test('has its connections back when the flood is over', () => {
    const pool = new Pool().run(easy, 60).run(flood, 120).run(easy, 300)
    expect(pool.state).toMatchObject({ phase: 'open', limit: 40 })
  })

  test('has them back as well when nobody is left', () => {
    const pool = new Pool().run(easy, 60).run(flood, 120).run({ ...easy, arrivalsPerSecond: 0.001 }, 600)
    expect(pool.state).toMatchObject({ phase: 'open', limit: 40 })
  })

  test('that becomes twice as large is found out', () => {
    const pool = new Pool().run(easy, 60).run(flood, 120).run({ ...flood, knee: 38 }, 600)
    expect(pool.state.limit).toBeGreaterThanOrEqual(30)
  })
})

describe('work that became heavier', () => {
  const heavy: ModelledLoad = { arrivalsPerSecond: 300, serviceMillis: 400, knee: 1_000 }

  test('is tried with fewer connections for a few seconds, and then has them all', () => {
    const pool = new Pool().run({ ...easy, knee: 1_000 }, 60).run(heavy, 60)
    expect(pool.limits).toEqual([40, 32, 40])
    expect(pool.state.phase).toBe('open')
  })

  test('is not tried again for five cool-downs', () => {
    const pool = new Pool().run({ ...easy, knee: 1_000 }, 60).run(heavy, 300)
    expect(pool.limits).toEqual([40, 32, 40])
  })
})

test('nothing is tried out while nobody waits, however long connections are held', () => {
  const slow: ModelledLoad = { arrivalsPerSecond: 50, serviceMillis: 600, knee: 1_000 }
  expect(new Pool().run(easy, 60).run(slow, 600).limits).toEqual([40])
})

test('the limit stays within bounds that change', () => {
  const pool = new Pool().run(easy, 60).run(flood, 120)
  const narrow = { min: 1, max: 5 }
  const observation = observed(flood, 200_000, { min: 1, max: 5 }, narrow)
  expect(judgeSaturation(pool.state, observation, COOLDOWN_MILLIS).limit).toBeLessThanOrEqual(5)
})
