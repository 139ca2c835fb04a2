import { describe, expect, test } from 'vitest'
import { simulatePool, VirtualClock } from '../../testing/index.ts'
import { closes, fill, ofType, record, takeOne, waits } from '../../testing/scenario.ts'
import { FreezeWatch } from './freeze.ts'

const HOUR = 3_600_000

describe('the watch', () => {
  test.each([
    ['nothing happened', 0, 0],
    ['a time server corrected a second', 1_000, 0],
    ['the process was suspended for two seconds', 2_000, 2_000],
    ['the process was suspended for an hour', HOUR, HOUR],
    ['somebody set the clock back', -HOUR, 0],
  ])('%s', (_, jump, expected) => {
    const clock = new VirtualClock()
    const watch = new FreezeWatch(clock)
    clock.wallOffset += jump
    expect(watch.look(clock.now())).toBe(expected)
    expect(watch.look(clock.now())).toBe(0)
  })

  test('after the clock was set back, a suspension is still noticed', () => {
    const clock = new VirtualClock()
    const watch = new FreezeWatch(clock)
    clock.wallOffset -= HOUR
    watch.look(0)
    clock.wallOffset += 60_000
    expect(watch.look(0)).toBe(60_000)
  })
})

describe('P-085: a wall clock that is set', () => {
  test.each([['back', -HOUR], ['forward', HOUR]])('%s closes nothing early, and makes nothing immortal', async (_, jump) => {
    const pool = simulatePool({ policy: { min: 2, maxLifetimeMillis: 100_000, idleTimeoutMillis: 10_000 } })
    await fill(pool, 5)
    await pool.clock.advance(1_000)
    pool.clock.wallOffset += jump
    await pool.clock.advance(5_000)
    await waits(pool, 1)
    expect(closes(pool)).toEqual({})
    await pool.clock.advance(20_000)
    expect(closes(pool)).toEqual({ idle: 3 })
    await pool.clock.advance(100_000)
    expect(pool.keeper.stats()).toMatchObject({ idle: 2, closes: { maxLifetime: 2 } })
  })
})

describe('P-086: a process that did not run for ten minutes', () => {
  test('proves every idle connection before it is lent again, though its own clock stood still', async () => {
    const pool = simulatePool({ policy: { max: 3 } })
    await fill(pool, 3)
    const events = record(pool)
    pool.clock.wallOffset += 600_000
    expect(await waits(pool, 3)).toEqual([1, 1, 1])
    expect(pool.server.questions).toBe(3)
    expect(ofType(events, 'froze')).toMatchObject([{ frozenMillis: 600_000 }])
  })

  test('finds what died meanwhile before a caller does', async () => {
    const pool = simulatePool({ policy: { max: 3 } })
    const all = await fill(pool, 3)
    for (const connection of all) pool.server.kill(connection, 'unnoticed')
    pool.clock.wallOffset += 600_000
    expect(await waits(pool, 1)).toEqual([expect.toSatisfy((waited: number) => waited <= 25)])
  })

  test('when its clock ran on: timers come late, and that tells as much', async () => {
    const pool = simulatePool({ policy: { min: 3, maxLifetimeMillis: false, idleTimeoutMillis: false } })
    await pool.clock.advance(100)
    const events = record(pool)
    await pool.clock.stall(600_000)
    await pool.clock.advance(10)
    expect(ofType(events, 'froze')).toHaveLength(1)
    expect(await waits(pool, 3)).toEqual([0, 0, 0].map(() => expect.toSatisfy((waited: number) => waited <= 1)))
    expect(pool.server.questions).toBe(3)
  })

  test('does not hold the frozen time against a lease: nothing is closed under its holder', async () => {
    const pool = simulatePool()
    const connection = await takeOne(pool)
    await pool.clock.stall(600_000)
    await pool.clock.advance(1_000)
    expect(pool.server.connections).toEqual([connection])
  })
})
