import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { collisionOf, Schedule } from './schedule.ts'

const zone = 'Europe/Berlin'
const at = (time: string): number => Date.parse(time)

/** Large from eight to eight, small at night. */
const office = [
  { cron: '0 8 * * *', timeZone: zone, min: 10, max: 40 },
  { cron: '0 20 * * *', timeZone: zone, min: 2, max: 10 },
]

function sizeAt(schedule: Schedule, time: string): [number, number] | undefined {
  const { size } = schedule.sizeAt(at(time))
  return size === undefined ? undefined : [size.min, size.max]
}

describe('an entry', () => {
  const schedule = new Schedule({ schedule: office, leadMillis: 0 })

  test.each<[string, [number, number]]>([
    ['2026-11-23T06:59:59.999Z', [2, 10]],
    ['2026-11-23T07:00:00.000Z', [10, 40]],
    ['2026-11-23T18:59:59.999Z', [10, 40]],
    ['2026-11-23T19:00:00.000Z', [2, 10]],
  ])('holds from its moment until another one’s: %s', (time, size) => {
    expect(sizeAt(schedule, time)).toEqual(size)
  })

  test('says when it is over', () => {
    expect(schedule.sizeAt(at('2026-11-23T12:00:00Z')).changesAt).toBe(at('2026-11-23T19:00:00Z'))
  })

  test('before its first moment of all says nothing', () => {
    const once = new Schedule({ schedule: [{ cron: '0 0 0 1 1 * 2027', timeZone: 'UTC', min: 1, max: 2 }] })
    expect(sizeAt(once, '2026-11-23T12:00:00Z')).toBeUndefined()
    expect(sizeAt(once, '2028-11-23T12:00:00Z')).toEqual([1, 2])
  })
})

describe('daylight saving', () => {
  test('clocks put forward: eight o’clock stays eight o’clock, an hour earlier for the rest of the world', () => {
    const schedule = new Schedule({ schedule: office, leadMillis: 0 })
    expect(schedule.sizeAt(at('2026-03-28T20:00:00Z')).changesAt).toBe(at('2026-03-29T06:00:00Z'))
    expect(schedule.sizeAt(at('2026-03-27T20:00:00Z')).changesAt).toBe(at('2026-03-28T07:00:00Z'))
  })

  test('clocks put back: an hour later for the rest of the world', () => {
    const schedule = new Schedule({ schedule: office, leadMillis: 0 })
    expect(schedule.sizeAt(at('2026-10-24T20:00:00Z')).changesAt).toBe(at('2026-10-25T07:00:00Z'))
    expect(schedule.sizeAt(at('2026-10-23T20:00:00Z')).changesAt).toBe(at('2026-10-24T06:00:00Z'))
  })

  const night = [
    { cron: '30 2 * * *', timeZone: zone, min: 5, max: 5 },
    { cron: '0 12 * * *', timeZone: zone, min: 1, max: 1 },
  ]

  test('a moment that does not exist is the first one after the gap', () => {
    const schedule = new Schedule({ schedule: night, leadMillis: 0 })
    expect(sizeAt(schedule, '2026-03-29T00:59:59Z')).toEqual([1, 1])
    expect(sizeAt(schedule, '2026-03-29T01:00:00Z')).toEqual([5, 5])
  })

  test('a moment that comes twice is the first of the two, and the second changes nothing', () => {
    const schedule = new Schedule({ schedule: night, leadMillis: 0 })
    expect(sizeAt(schedule, '2026-10-25T00:29:59Z')).toEqual([1, 1])
    expect(sizeAt(schedule, '2026-10-25T00:30:00Z')).toEqual([5, 5])
    expect(schedule.sizeAt(at('2026-10-25T00:30:00Z')).changesAt).toBe(at('2026-10-25T11:00:00Z'))
  })

  test('two zones that change on other days keep their own time', () => {
    const zones = new Schedule({
      schedule: [
        { cron: '0 9 * * *', timeZone: 'America/New_York', min: 3, max: 3 },
        { cron: '0 9 * * *', timeZone: 'Europe/Berlin', min: 4, max: 4 },
      ],
      leadMillis: 0,
    })
    // New York is on summer time from 8 March 2026, Berlin from 29 March.
    expect(zones.sizeAt(at('2026-03-10T08:30:00Z')).changesAt).toBe(at('2026-03-10T13:00:00Z'))
    expect(zones.sizeAt(at('2026-03-30T07:30:00Z')).changesAt).toBe(at('2026-03-30T13:00:00Z'))
  })
})

describe('growth ahead', () => {
  const schedule = new Schedule({ schedule: office, leadMillis: 600_000 })

  test('what grows comes so much before its moment', () => {
    expect(sizeAt(schedule, '2026-11-23T06:49:59.999Z')).toEqual([2, 10])
    expect(sizeAt(schedule, '2026-11-23T06:50:00.000Z')).toEqual([10, 40])
    expect(schedule.sizeAt(at('2026-11-23T06:00:00Z')).changesAt).toBe(at('2026-11-23T06:50:00Z'))
  })

  test('what shrinks comes at its moment', () => {
    expect(sizeAt(schedule, '2026-11-23T18:55:00Z')).toEqual([10, 40])
    expect(sizeAt(schedule, '2026-11-23T19:00:00Z')).toEqual([2, 10])
  })

  test('of two that grow otherwise, each limit is the larger one until then', () => {
    const crossing = new Schedule({
      schedule: [
        { cron: '0 8 * * *', timeZone: 'UTC', min: 1, max: 40 },
        { cron: '0 9 * * *', timeZone: 'UTC', min: 10, max: 20 },
      ],
    })
    expect(sizeAt(crossing, '2026-11-23T08:59:30Z')).toEqual([10, 40])
    expect(sizeAt(crossing, '2026-11-23T09:00:00Z')).toEqual([10, 20])
  })

  test('at every moment it is at least what is in force, and it changes only when it said', () => {
    const plain = new Schedule({ schedule: office, leadMillis: 0 })
    const start = at('2026-03-28T00:00:00Z')
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 * 86_400_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (offset, share) => {
        const now = start + offset
        const { size, changesAt } = schedule.sizeAt(now)
        expect(size?.max).toBeGreaterThanOrEqual(plain.sizeAt(now).size?.max ?? 0)
        expect(schedule.sizeAt(Math.floor(now + share * (changesAt - now))).size).toEqual(size)
      }),
    )
  })
})

describe('a collision', () => {
  const entry = (cron: string, timeZone = 'UTC'): (typeof office)[number] => ({ cron, timeZone, min: 1, max: 1 })

  test.each([
    ['the same expression', entry('0 8 * * *'), entry('0 8 * * *')],
    ['every day and Mondays', entry('0 8 * * *'), entry('0 8 * * 1')],
    ['every day and one day of the year', entry('0 8 * * *'), entry('0 8 24 12 *')],
    ['the first of the month and Mondays', entry('0 8 1 * *'), entry('0 8 * * 1')],
    ['the same moment in two zones', entry('0 8 * * *', 'Asia/Tokyo'), entry('0 23 * * *')],
    ['a leap day', entry('0 8 29 2 *'), entry('0 8 * * 4')],
  ])('%s', (_, one, other) => {
    for (const pair of [[one, other], [other, one]]) expect(collisionOf(pair)).toMatchObject({ first: 0, second: 1 })
  })

  test('there is none between entries that keep out of each other’s way', () => {
    expect(collisionOf([entry('0 8 * * 1-5'), entry('0 20 * * 1-5'), entry('0 10 * * 6,0')])).toBeUndefined()
    expect(collisionOf([entry('0 8 * * *', 'Europe/Berlin'), entry('0 8 * * *', 'Europe/London')])).toBeUndefined()
  })
})
