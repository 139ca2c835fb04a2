import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { forecastOf, type Present } from './forecast.ts'
import { historyFrom } from './from-windows.ts'
import { decodeHistory } from './document.ts'
import { marginOf } from './outlook.ts'
import { floorAt, predictiveStart, raised, readyFor, watched, type Foresight, type PredictiveState } from './predictive.ts'
import { ratioAt } from './today.ts'
import type { LoadWindow } from './visits.ts'
import { WeekClock } from './week-clock.ts'
import { emptyHistory } from './week-history.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const WEEK = 7 * 24 * HOUR
/** A Monday. */
const MONDAY = Date.parse('2026-03-02T00:00:00Z')

const foresight: Foresight = { clock: new WeekClock('UTC'), waitProbability: 0.01, leadMillis: 2 * MINUTE, margin: marginOf(0.9) }

/** Monday by the minute: quiet, and busy from twelve to one. */
const lunch = (at: number): number => (at % WEEK >= (MONDAY + 12 * HOUR) % WEEK && at % WEEK < (MONDAY + 13 * HOUR) % WEEK ? 20 : 2)

function* windows(from: number, to: number, load: (at: number) => number): Generator<LoadWindow> {
  for (let at = from + MINUTE; at <= to; at += MINUTE) yield { at, windowMillis: MINUTE, load: load(at - MINUTE) }
}

function through(state: PredictiveState, from: number, to: number, load: (at: number) => number): PredictiveState {
  let now = state
  for (const window of windows(from, to, load)) now = watched(now, foresight.clock, window, window.load).state
  return now
}

function afterWeeks(weeks: number, load: (at: number) => number = lunch): PredictiveState {
  let state = predictiveStart(emptyHistory('UTC'))
  for (let week = weeks; week > 0; week--) state = through(state, MONDAY - week * WEEK, MONDAY - week * WEEK + 24 * HOUR, load)
  return state
}

describe('what stands ready', () => {
  const state = afterWeeks(4)

  test('is for what is expected, with the margin that lets one caller in a hundred wait', () => {
    const [quiet, busy] = [readyFor(state, foresight, MONDAY + 10 * HOUR), readyFor(state, foresight, MONDAY + 12.5 * HOUR)]
    expect(quiet).toBeGreaterThanOrEqual(7)
    expect(quiet).toBeLessThanOrEqual(9)
    expect(busy).toBeGreaterThanOrEqual(31)
    expect(busy).toBeLessThanOrEqual(38)
  })

  test('is there by the lead before the peak, not earlier, and goes with it', () => {
    const at = (millis: number): number => readyFor(state, foresight, MONDAY + millis)
    const [before, ahead, during, after] = [12 * HOUR - 2 * MINUTE - 1, 12 * HOUR - 2 * MINUTE, 12.5 * HOUR, 13 * HOUR].map(at)
    expect(ahead).toBe(during)
    expect(before).toBe(after)
    expect(ahead).toBeGreaterThan(3 * (before ?? 0))
  })

  test('is nothing where nobody has looked yet: then it is as with adaptive sizing', () => {
    expect(readyFor(predictiveStart(emptyHistory('UTC')), foresight, MONDAY)).toBe(0)
    expect(readyFor(state, foresight, MONDAY + 3 * 24 * HOUR)).toBe(0)
  })

  test('goes down by steps that are worth it, and up at once', () => {
    const slowly = afterWeeks(4, (at) => 30 - ((at - MONDAY) % (24 * HOUR)) / HOUR)
    let now = slowly
    const floors = new Set<number>()
    for (let at = MONDAY; at < MONDAY + 20 * HOUR; at += MINUTE) {
      now = floorAt(now, foresight, at)
      expect(now.floor).toBeGreaterThanOrEqual(readyFor(now, foresight, at))
      floors.add(now.floor)
    }
    expect(floors.size).toBeLessThanOrEqual(12)
  })

  test('is never less than adaptive sizing asks for, and never more than it allows', () => {
    const size = fc.tuple(fc.nat(200), fc.nat(200)).map(([min, more]) => ({ min, max: min + more }))
    fc.assert(
      fc.property(size, fc.nat(500), (asked, floor) => {
        const { max, min } = raised(asked, floor)
        expect(min).toBeGreaterThanOrEqual(asked.min)
        expect(min).toBeLessThanOrEqual(max)
        expect(max).toBe(asked.max)
      }),
    )
  })

  test('whatever is watched, can be asked for', () => {
    const window = fc.record({
      gap: fc.integer({ min: -2 * HOUR, max: 30 * HOUR }),
      windowMillis: fc.integer({ min: 1, max: 10 * MINUTE }),
      load: fc.double({ min: 0, max: 5_000, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(window, { maxLength: 60 }), (given) => {
        let now = state
        let at = MONDAY
        for (const { gap, load, windowMillis } of given) {
          now = floorAt(watched(now, foresight.clock, { at: (at += gap), windowMillis, load }, load).state, foresight, at)
          expect(Number.isSafeInteger(now.floor)).toBe(true)
          expect(now.floor).toBeGreaterThanOrEqual(0)
          expect(ratioAt(now.today, at)).toBeGreaterThanOrEqual(0.5)
          expect(ratioAt(now.today, at)).toBeLessThanOrEqual(2)
        }
      }),
      { numRuns: 50 },
    )
  })
})

describe('what is learnt', () => {
  test('of a flash crowd of one day is forgotten more with each week without it', () => {
    const crowd = (at: number): number => (at >= MONDAY - 4 * WEEK + 15 * HOUR && at < MONDAY - 4 * WEEK + 15 * HOUR + 5 * MINUTE ? 40 : 2)
    const ready = [1, 2, 3, 4].map((weeks) => {
      let state = predictiveStart(emptyHistory('UTC'))
      for (let week = 4; week > 4 - weeks; week--) state = through(state, MONDAY - week * WEEK, MONDAY - week * WEEK + 24 * HOUR, crowd)
      return readyFor(state, foresight, MONDAY + 15 * HOUR)
    })
    for (const [index, each] of ready.entries()) if (index > 0) expect(each).toBeLessThan(ready[index - 1] ?? 0)
  })

  test('a slot that was seen for a moment only is not learnt', () => {
    const state = through(predictiveStart(emptyHistory('UTC')), MONDAY + 3 * MINUTE, MONDAY + 12 * MINUTE, () => 9)
    const [seenAtItsEnd, seenWhole] = [0, 1].map((slot) => state.history.slots[slot])
    expect(seenAtItsEnd).toBeUndefined()
    expect(seenWhole?.level).toBeCloseTo(9, 9)
  })

  test('a burst counts beside the average: ten seconds are not lost in five minutes', () => {
    const burst = (at: number): number => (at % (5 * MINUTE) < 10_000 ? 30 : 1)
    const seconds = function* (): Generator<LoadWindow> {
      for (let at = MONDAY - WEEK; at < MONDAY - WEEK + HOUR; at += 1_000) yield { at: at + 1_000, windowMillis: 1_000, load: burst(at) }
    }
    const { history } = decodeHistory(historyFrom(seconds()), 'UTC')
    const slot = history?.slots[3]
    expect(slot?.level).toBeCloseTo(1 + 29 / 30, 1)
    expect(slot?.burst).toBeGreaterThan(14)
  })

  test('after a gap nobody knows what was when: nothing is learnt of it', () => {
    const before = through(predictiveStart(emptyHistory('UTC')), MONDAY, MONDAY + 4 * MINUTE, () => 9)
    const { over, state } = watched(before, foresight.clock, { at: MONDAY + HOUR, windowMillis: 56 * MINUTE, load: 1 }, 1)
    expect(over).toBeUndefined()
    expect(state.history.slots.every((slot) => slot === undefined)).toBe(true)
  })
})

describe('today', () => {
  test('a day with a third more than usual is noticed within the hour, and half forgotten by the evening', () => {
    const more = through(afterWeeks(4, () => 20), MONDAY, MONDAY + 2 * HOUR, () => 27)
    expect(ratioAt(more.today, MONDAY + 2 * HOUR)).toBeGreaterThan(1.25)
    expect(ratioAt(more.today, MONDAY + 2 * HOUR)).toBeLessThan(1.4)
    expect(ratioAt(more.today, MONDAY + 14 * HOUR)).toBeLessThan(1.12)
    expect(readyFor(more, foresight, MONDAY + 2 * HOUR)).toBeGreaterThan(readyFor(afterWeeks(4, () => 20), foresight, MONDAY + 2 * HOUR))
  })

  test('on a holiday less is opened ahead', () => {
    const holiday = through(afterWeeks(4, () => 20), MONDAY, MONDAY + 2 * HOUR, () => 1)
    expect(ratioAt(holiday.today, MONDAY + 2 * HOUR)).toBeLessThan(0.55)
  })

  test('five minutes of a flash crowd are no other day', () => {
    const crowd = through(afterWeeks(4, () => 10), MONDAY, MONDAY + 2 * HOUR, (at) => (at >= MONDAY + HOUR && at < MONDAY + HOUR + 5 * MINUTE ? 60 : 10))
    expect(ratioAt(crowd.today, MONDAY + 2 * HOUR)).toBeLessThan(1.05)
  })
})

describe('the forecast', () => {
  const present: Present = { at: MONDAY + 11.5 * HOUR, load: 2, asked: { min: 5, max: 30 }, bounds: { min: 1, max: 30 }, confidence: 0.9 }

  test('is a curve with its band, and what will be made of it', () => {
    const { from, points, ...now } = forecastOf(afterWeeks(4), foresight, present, { horizonMillis: 2 * HOUR })
    expect(from).toBe('learned')
    expect(now).toMatchObject({ at: present.at, timeZone: 'UTC', confidence: 0.9, load: 2, adaptive: 5 })
    expect(points).toHaveLength(24)
    const noon = points.find(({ at }) => at === MONDAY + 12 * HOUR)
    expect(noon).toMatchObject({ from: 'learned', weeks: 4, size: 30, adaptive: 30 })
    expect(noon?.expected).toBeCloseTo(20 * now.today, 0)
    for (const { adaptive, expected = NaN, high = NaN, low = NaN, size } of points) {
      expect(low).toBeLessThanOrEqual(expected)
      expect(expected).toBeLessThanOrEqual(high)
      expect(size).toBeGreaterThanOrEqual(adaptive)
    }
  })

  test('shows the lead: the five minutes before the peak ask for it', () => {
    const { points } = forecastOf(afterWeeks(4), foresight, { ...present, asked: { min: 5, max: 100 }, bounds: { min: 1, max: 100 } }, {})
    const sizeAt = (at: number): number => points.find((point) => point.at === at)?.size ?? NaN
    expect(sizeAt(MONDAY + 12 * HOUR - 5 * MINUTE)).toBeLessThan(sizeAt(MONDAY + 12 * HOUR))
    expect(points).toHaveLength(288)
  })

  test('that knows nothing says so, and shows what adaptive sizing keeps', () => {
    const { from, points } = forecastOf(predictiveStart(emptyHistory('UTC')), foresight, present, { horizonMillis: HOUR })
    expect(from).toBe('cold')
    expect(points[0]).toEqual({ at: present.at, from: 'cold', weeks: 0, expected: undefined, low: undefined, high: undefined, size: 5, adaptive: 5 })
  })

  test.each([0, 299_999, 604_800_001, NaN, '1'])('for %s milliseconds is refused', (horizonMillis) => {
    expect(() => forecastOf(afterWeeks(1), foresight, present, { horizonMillis: horizonMillis as number })).toThrow(
      expect.objectContaining({ code: 'INVALID_POLICY', invalid: expect.objectContaining({ option: 'horizonMillis' }) as object }),
    )
  })
})
