import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PoolPolicyOptions } from '../../policy/options.ts'
import { simulatePool, type SimulatedPool } from '../../testing/index.ts'
import { askers, closes, ofType, record, take, takeOne } from '../../testing/scenario.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** Virtual time begins with 1970, at midnight in UTC. */
const OFFICE = {
  schedule: [
    { cron: '0 8 * * *', timeZone: 'UTC', min: 4, max: 8 },
    { cron: '0 20 * * *', timeZone: 'UTC', min: 1, max: 2 },
  ],
  leadMillis: 5 * MINUTE,
}

function scheduled(policy: PoolPolicyOptions = {}): SimulatedPool {
  return simulatePool({ policy: { sizing: OFFICE, maxLifetimeMillis: false, ...policy } })
}

function sizeOf({ keeper }: SimulatedPool): [number, number] {
  const { min, max } = keeper.stats()
  return [min, max]
}

describe('a schedule', () => {
  test('sizes the pool from the start, by what its last moment said', async () => {
    const pool = scheduled()
    expect(sizeOf(pool)).toEqual([1, 2])
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats().idle).toBe(1)
  })

  test('grows ahead of its moment: the connections stand when it comes', async () => {
    const pool = scheduled()
    await pool.clock.advance(8 * HOUR - 5 * MINUTE - 1)
    expect(sizeOf(pool)).toEqual([1, 2])
    await pool.clock.advance(1_000)
    expect(sizeOf(pool)).toEqual([4, 8])
    expect(pool.keeper.stats().idle).toBe(4)
  })

  test('shrinks at its moment: what is idle goes, what is in use stays until it comes back', async () => {
    const pool = scheduled()
    await pool.clock.advance(20 * HOUR - 1_000)
    const held = await take(pool, 6)
    expect(pool.server.alive).toBe(6)
    for (const connection of held.slice(0, 2)) pool.release(connection)
    await pool.clock.advance(2_000)
    expect(pool.keeper.stats()).toMatchObject({ min: 1, max: 2, used: 4, idle: 0 })
    for (const connection of held.slice(2)) expect(pool.release(connection)).toBe(true)
    await pool.clock.advance(10)
    expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 2 })
    expect(closes(pool)).toEqual({ shrink: 4 })
  })

  test('however many are held when it shrinks, none of them is closed, and no fewer than its min are kept', { timeout: 60_000 }, async () => {
    const few = fc.integer({ min: 0, max: 8 })
    await fc.assert(
      fc.asyncProperty(few, few, async (most, back) => {
        const wallStart = 20 * HOUR - 2_000
        const pool = simulatePool({ policy: { sizing: OFFICE, maxLifetimeMillis: false }, wallStart })
        const held = await take(pool, most)
        for (const connection of held.splice(0, back)) pool.release(connection)
        await pool.clock.advance(3_000)
        expect(sizeOf(pool)).toEqual([1, 2])
        expect(pool.keeper.stats().used).toBe(held.length)
        expect(pool.server.alive).toBeGreaterThanOrEqual(Math.max(1, held.length))
        expect(pool.server.alive).toBeLessThanOrEqual(Math.max(2, held.length))
        for (const connection of held) await pool.clock.until(pool.query(connection))
        for (const connection of held) expect(pool.release(connection)).toBe(true)
        await pool.clock.advance(1_000)
        expect(pool.server.alive).toBeGreaterThanOrEqual(1)
        expect(pool.server.alive).toBeLessThanOrEqual(2)
      }),
      { numRuns: 20 },
    )
  })

  test('is followed day after day, also while nobody uses the pool, and tells of each change', { timeout: 60_000 }, async () => {
    const pool = scheduled()
    const events = record(pool)
    await pool.clock.advance(48 * HOUR)
    expect(ofType(events, 'resized').map(({ at, min, max, reason }) => [at / HOUR, min, max, reason])).toEqual(
      [8 - 1 / 12, 20, 32 - 1 / 12, 44].map((hour, index) => [hour, ...(index % 2 === 0 ? [4, 8] : [1, 2]), 'schedule']),
    )
  })

  test('with a min of nothing wakes no server', async () => {
    const pool = simulatePool({ policy: { sizing: { schedule: [{ cron: '0 8 * * *', timeZone: 'UTC', min: 0, max: 5 }] } } })
    await pool.clock.advance(24 * HOUR)
    expect(pool.server.accepted).toBe(0)
  })

  test('growth serves those who wait', async () => {
    const pool = scheduled()
    await pool.clock.advance(8 * HOUR - 5 * MINUTE - 1_000)
    await take(pool, 2)
    const waits = await pool.clock.until(askers(pool, 3))
    expect(waits).toEqual([1_000, 1_000, 1_000])
  })

  test('a size that somebody asks for by hand holds until the next moment', async () => {
    const pool = scheduled()
    await pool.clock.advance(10 * HOUR)
    await pool.keeper.resize({ max: 20 })
    await pool.clock.advance(9 * HOUR)
    expect(sizeOf(pool)).toEqual([4, 20])
    await pool.clock.advance(2 * HOUR)
    expect(sizeOf(pool)).toEqual([1, 2])
  })

  test('is put right within a minute when the wall clock is', async () => {
    const pool = scheduled()
    await pool.clock.advance(HOUR)
    pool.clock.wallOffset = 11 * HOUR
    await pool.clock.advance(MINUTE)
    expect(sizeOf(pool)).toEqual([4, 8])
    pool.clock.wallOffset = 0
    await pool.clock.advance(MINUTE)
    expect(sizeOf(pool)).toEqual([1, 2])
  })

  test('follows the time zone through the night in which the clocks change', async () => {
    const pool = simulatePool({
      policy: {
        sizing: {
          schedule: [
            { cron: '0 2 * * *', timeZone: 'Europe/Berlin', min: 0, max: 3 },
            { cron: '0 4 * * *', timeZone: 'Europe/Berlin', min: 0, max: 6 },
          ],
          leadMillis: 0,
        },
      },
    })
    pool.clock.wallOffset = Date.parse('2026-03-28T23:00:00Z')
    await pool.clock.advance(2 * HOUR - 1)
    expect(sizeOf(pool)).toEqual([0, 6])
    // Two o'clock is three o'clock, and from then to four is an hour.
    await pool.clock.advance(1)
    expect(sizeOf(pool)).toEqual([0, 3])
    await pool.clock.advance(HOUR)
    expect(sizeOf(pool)).toEqual([0, 6])
  })

  test('can be changed while the pool runs, and taken away', async () => {
    const pool = scheduled()
    pool.keeper.reconfigure({ sizing: { schedule: [{ cron: '0 12 * * *', timeZone: 'UTC', min: 3, max: 3 }] } })
    expect(sizeOf(pool)).toEqual([3, 3])
    pool.keeper.reconfigure({ sizing: false })
    expect(sizeOf(pool)).toEqual([0, 10])
    await pool.clock.advance(24 * HOUR)
    expect(sizeOf(pool)).toEqual([0, 10])
  })

  test('leaves what reconfigure() changes otherwise as it is', () => {
    const pool = scheduled()
    pool.keeper.reconfigure({ maxUses: 5 })
    expect(pool.keeper.policy).toMatchObject({ min: 1, max: 2, maxUses: 5 })
  })

  test('a minIdle that a small size leaves no room for is there again when it grows', async () => {
    const pool = scheduled({ minIdle: 3 })
    expect(pool.keeper.policy.minIdle).toBe(2)
    await pool.clock.advance(9 * HOUR)
    expect(pool.keeper.policy.minIdle).toBe(3)
  })

  test.each(['drain', 'detach'] as const)('after %s() nothing is sized, and no timer is left', async (end) => {
    const pool = scheduled({ min: 0 })
    await takeOne(pool).then((connection) => pool.release(connection))
    if (end === 'drain') await pool.clock.until(pool.keeper.drain())
    else pool.keeper.detach()
    const events = record(pool)
    await pool.clock.advance(24 * HOUR)
    expect(events).toEqual([])
    expect(pool.clock.pendingTimers).toBe(0)
  })
})

test('while the policy only observes, what a schedule would have done is told and counted, and not done', async () => {
  const pool = scheduled({ mode: 'observe' })
  const events = record(pool)
  await pool.clock.advance(24 * HOUR)
  expect(sizeOf(pool)).toEqual([0, 10])
  expect(pool.server.accepted).toBe(0)
  expect(ofType(events, 'observed').map(({ would, ...rest }) => ({ would, ...rest }))).toMatchObject([
    { would: 'resize', min: 4, max: 8, reason: 'schedule' },
    { would: 'resize', min: 1, max: 2, reason: 'schedule' },
  ])
  expect(pool.keeper.stats().observed.resize).toBe(3)
})

describe('a policy with a schedule', () => {
  const entry = { cron: '0 8 * * *', timeZone: 'UTC', min: 1, max: 4 }
  const other = { cron: '0 20 * * *', timeZone: 'UTC', min: 2, max: 6 }

  test.each<[string, PoolPolicyOptions, string, string]>([
    ['no entry', { sizing: { schedule: [] } }, 'sizing.schedule', 'a list of 1 to 50 entries'],
    ['an unknown zone', { sizing: { schedule: [{ ...entry, timeZone: 'Mars/Base' }] } }, 'sizing.schedule[0].timeZone', 'a time zone'],
    ['a wrong expression', { sizing: { schedule: [{ ...entry, cron: '61 * * * *' }] } }, 'sizing.schedule[0].cron', 'Invalid value for minute: 61'],
    ['a date', { sizing: { schedule: [{ ...entry, cron: '2030-01-01T00:00:00' }] } }, 'sizing.schedule[0].cron', 'comes only once'],
    ['a day that never comes', { sizing: { schedule: [{ ...entry, cron: '0 0 30 2 *' }] } }, 'sizing.schedule[0].cron', 'that comes round'],
    ['min above max', { sizing: { schedule: [{ ...entry, min: 5 }] } }, 'sizing.schedule[0].min', 'at most `sizing.schedule[0].max` (4)'],
    ['no max', { sizing: { schedule: [{ ...entry, max: 0 }] } }, 'sizing.schedule[0].max', 'an integer from 1 to 100000'],
    ['a lead of days', { sizing: { schedule: [entry], leadMillis: 1e9 } }, 'sizing.leadMillis', 'an integer from 0 to 86400000'],
    ['two at once', { sizing: { schedule: [entry, other, { ...entry, cron: '0 8 * * 1' }] } }, 'sizing.schedule[2].cron', '`sizing.schedule[0].cron`'],
    ['more than the policy’s max', { max: 5, sizing: { schedule: [entry, other] } }, 'sizing.schedule[1].max', 'at most `max` (5)'],
    ['less than the policy’s min', { min: 2, sizing: { schedule: [entry, other] } }, 'sizing.schedule[0].min', 'at least `min` (2)'],
  ])('that has %s is refused, by name', (_, policy, option, bound) => {
    let refused: unknown
    try {
      simulatePool({ policy })
    } catch (error) {
      refused = error
    }
    expect(refused).toMatchObject({ code: 'INVALID_POLICY', invalid: { option, bound: expect.stringContaining(bound) as string } })
  })

  test('takes the place of the host’s own size', () => {
    const pool = simulatePool({ policy: { sizing: { schedule: [{ ...entry, max: 30 }] } }, host: { min: 2, max: 10 } })
    expect(sizeOf(pool)).toEqual([1, 30])
  })

  test('is kept as it was given: later changes to the user’s own object reach nobody', () => {
    const schedule = [{ ...entry }]
    const pool = simulatePool({ policy: { sizing: { schedule } } })
    Object.assign(schedule[0] ?? {}, { max: 1 })
    expect(pool.keeper.policy.sizing).toEqual({ schedule: [entry] })
    expect(Object.isFrozen(pool.keeper.policy.sizing)).toBe(true)
  })
})
