import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SLOT_MILLIS, WEEK_SLOTS, WeekClock } from './week-clock.ts'

const AN_HOUR = 12
const A_DAY = 24 * AN_HOUR

/** From Monday's midnight. */
function slotOf(day: number, hour: number, minute = 0): number {
  return day * A_DAY + hour * AN_HOUR + Math.floor(minute / 5)
}

const at = (text: string): number => Date.parse(text)

describe('the time of the week', () => {
  test('begins on Monday at midnight, where the people live', () => {
    expect(new WeekClock('UTC').slotAt(at('2026-03-02T00:00:00Z'))).toBe(0)
    expect(new WeekClock('UTC').slotAt(at('2026-03-01T23:59:59.999Z'))).toBe(WEEK_SLOTS - 1)
    expect(new WeekClock('Asia/Kathmandu').slotAt(at('2026-03-01T18:15:00Z'))).toBe(0)
    expect(new WeekClock('America/New_York').slotAt(at('2026-03-02T05:00:00Z'))).toBe(0)
  })

  test('keeps to the clock on the wall when that is put forward: an hour of it does not come', () => {
    const clock = new WeekClock('Europe/Berlin')
    expect(clock.slotAt(at('2026-03-29T00:59:00Z'))).toBe(slotOf(6, 1, 55))
    expect(clock.slotAt(at('2026-03-29T01:00:00Z'))).toBe(slotOf(6, 3))
    expect(clock.slotAt(at('2026-03-30T10:30:00Z'))).toBe(slotOf(0, 12, 30))
  })

  test('has an hour twice when it is put back, and half of one where it is half an hour', () => {
    const berlin = new WeekClock('Europe/Berlin')
    expect([at('2026-10-25T00:30:00Z'), at('2026-10-25T01:30:00Z')].map((moment) => berlin.slotAt(moment))).toEqual([slotOf(6, 2, 30), slotOf(6, 2, 30)])
    const lordHowe = new WeekClock('Australia/Lord_Howe')
    expect([at('2026-04-04T14:40:00Z'), at('2026-04-04T15:10:00Z')].map((moment) => lordHowe.slotAt(moment))).toEqual([slotOf(6, 1, 40), slotOf(6, 1, 40)])
  })

  test.each(['UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/St_Johns'])('in %s every moment lies in its slot', (timeZone) => {
    const clock = new WeekClock(timeZone)
    fc.assert(
      fc.property(fc.integer({ min: at('1990-01-01'), max: at('2090-01-01') }), (moment) => {
        const start = clock.slotStart(moment)
        expect(start).toBeLessThanOrEqual(moment)
        expect(start + SLOT_MILLIS).toBeGreaterThan(moment)
        expect(clock.slotAt(start)).toBe(clock.slotAt(moment))
        expect(clock.slotAt(moment)).toBeGreaterThanOrEqual(0)
        expect(clock.slotAt(moment)).toBeLessThan(WEEK_SLOTS)
      }),
    )
  })
})
