import { describe, expect, test } from 'vitest'
import type { PoolEvent } from '../../events.ts'
import { simulatePool } from '../../testing/index.ts'
import { askers, failureOf, fill, ofType, record, takeOne, waits } from '../../testing/scenario.ts'

describe('a connect that fails', () => {
  test('P-100: is the answer, at once and with its cause', async () => {
    const pool = simulatePool()
    pool.server.connects = 'refused'
    const error = await failureOf(pool, pool.acquire())
    expect(pool.clock.now()).toBe(20)
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
    expect(pool.keeper.stats()).toMatchObject({ acquires: { failed: 1 }, opens: { failed: 1, ok: 0 } })
  })

  test('P-100: at the start fails ready(), with its cause, and does not stop the pool from coming up later', async () => {
    const pool = simulatePool({ policy: { min: 2, acquireTimeoutMillis: 1_000 } })
    pool.server.connects = 'refused'
    const error = await failureOf(pool, pool.keeper.ready())
    expect(error).toMatchObject({ code: 'CONNECT_FAILED', pool: 'simulated', cause: { code: 'ECONNREFUSED' } })
    pool.server.connects = 'accepted'
    await pool.clock.until(pool.keeper.ready({ timeoutMillis: 10_000 }))
    expect(pool.keeper.stats().idle).toBe(2)
  })

  test('P-102: gives its slot back: ten times in a row, and then a success', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    pool.server.connects = 'refused'
    for (let attempt = 0; attempt < 10; attempt++) expect(await waits(pool, 1)).toEqual([expect.any(Error)])
    pool.server.connects = 'accepted'
    expect(await waits(pool, 1)).toEqual([20])
    expect(pool.keeper.stats()).toMatchObject({ opening: 0, opens: { failed: 10, ok: 1 } })
  })

  test('P-104: by its timeout frees the slot, and what arrives late is not kept', async () => {
    const pool = simulatePool({ policy: { max: 1, connectTimeoutMillis: 500, replaceAhead: 0 }, openMillis: 700 })
    expect(await waits(pool, 1)).toEqual([expect.objectContaining({ message: 'connect timed out' })])
    await pool.clock.advance(1_000)
    expect(pool.server.sockets).toBe(0)
    pool.server.openMillis = 20
    expect(await waits(pool, 1)).toEqual([20])
  })

  test('P-035: by throwing, where it should reject, fails who asked, and strands nobody', async () => {
    const pool = simulatePool({ policy: { min: 1, max: 2 } })
    const { connect } = pool.server
    pool.server.connect = () => {
      throw new Error('broken driver')
    }
    const broken = expect.objectContaining({ message: 'broken driver' }) as Error
    expect(await waits(pool, 5)).toEqual([broken, broken, broken, broken, broken])
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats()).toMatchObject({ opening: 0, pending: 0, opens: { ok: 0 } })
    pool.server.connect = connect
    expect(await waits(pool, 2)).toEqual([20, 20])
    await pool.clock.advance(10_000)
    expect(pool.keeper.stats()).toMatchObject({ idle: 2, opening: 0 })
  })

  test('is reported with its error and how long it took', async () => {
    const pool = simulatePool()
    const events = record(pool)
    pool.server.connects = 'refused'
    await waits(pool, 1)
    expect(ofType(events, 'openFailed')).toMatchObject([{ openMillis: 20, error: { code: 'ECONNREFUSED' } }])
    expect(ofType(events, 'acquireFailed')).toMatchObject([{ waitMillis: 20, error: { code: 'ECONNREFUSED' } }])
  })

  test('of the keeper’s own leaves no caller stranded who counted on it', async () => {
    const pool = simulatePool({ policy: { min: 1, max: 2 } })
    pool.server.connects = 'refused'
    await pool.clock.advance(10)
    expect(pool.keeper.stats().opening).toBe(1)
    const caller = askers(pool, 1)
    pool.server.connects = 'accepted'
    expect(await pool.clock.until(caller)).toEqual([10 + 20])
  })
})

/** How long nothing was tried after each failure, in a server that takes 20 ms to refuse. */
function pausesBetween(events: readonly PoolEvent[]): number[] {
  const moments = ofType(events, 'openFailed').map(({ at }) => at)
  return moments.slice(1).map((moment, index) => moment - (moments[index] ?? 0) - 20)
}

describe('P-101: refilling while the server refuses', () => {
  test.each<[string, () => number, number[], number]>([
    ['half of each limit', () => 0.5, [50, 100, 200, 400, 800, 1_600], 2_500],
    ['as much as can be', () => 1, [100, 200, 400, 800, 1_600, 3_200], 5_000],
    ['nothing', () => 0, [20, 20, 20, 20, 20, 20], 20],
  ])('pauses up to a limit that doubles up to five seconds; drawn is %s', async (_, draw, first, later) => {
    const pool = simulatePool({ policy: { min: 1 }, draw })
    const events = record(pool)
    pool.server.connects = 'refused'
    await pool.clock.advance(60_000)
    const pauses = pausesBetween(events)
    expect(pauses.slice(0, 6)).toEqual(first)
    expect(pauses.slice(6).every((pause) => pause === later)).toBe(true)
  })

  test('keeps to the pauses of the policy', async () => {
    const policy = { min: 1, createBackoff: { firstMillis: 1_000, longestMillis: 3_000 } }
    const pool = simulatePool({ policy, draw: () => 1 })
    const events = record(pool)
    pool.server.connects = 'refused'
    await pool.clock.advance(20_000)
    expect(pausesBetween(events).slice(0, 5)).toEqual([1_000, 2_000, 3_000, 3_000, 3_000])
  })

  test('takes connects that fail together for one failure', async () => {
    const pool = simulatePool({ policy: { min: 5 }, draw: () => 1 })
    pool.server.connects = 'refused'
    await pool.clock.advance(20 + 99)
    expect(pool.keeper.stats().opens.failed).toBe(5)
    await pool.clock.advance(1 + 20 + 199)
    expect(pool.keeper.stats().opens.failed).toBe(10)
    await pool.clock.advance(1 + 20)
    expect(pool.keeper.stats().opens.failed).toBe(15)
  })

  test('notices the end of an outage within half a second while somebody uses the pool', async () => {
    const pool = simulatePool({ policy: { min: 3, max: 3 }, draw: () => 1 })
    await fill(pool, 3)
    const user = await takeOne(pool)
    pool.server.connects = 'refused'
    for (const connection of pool.server.connections) if (connection !== user) pool.server.kill(connection)
    for (let second = 0; second < 20; second++) {
      pool.release(user)
      await pool.clock.advance(500)
      await takeOne(pool)
      await pool.clock.advance(500)
    }
    pool.server.connects = 'accepted'
    await pool.clock.advance(500 + 20)
    expect(pool.server.alive).toBe(3)
  })

  test('begins anew after a success', async () => {
    const pool = simulatePool({ policy: { min: 1 }, draw: () => 1 })
    pool.server.connects = 'refused'
    await pool.clock.advance(30_000)
    pool.server.connects = 'accepted'
    await pool.clock.advance(6_000)
    const events = record(pool)
    pool.server.connects = 'refused'
    for (const connection of pool.server.connections) pool.server.kill(connection)
    await pool.clock.advance(400)
    expect(ofType(events, 'openFailed').map(({ at }) => at - (events[0]?.at ?? 0))).toEqual([20, 140, 360])
  })
})

describe('connects that are swallowed', () => {
  test('for five seconds and then answered: the pool is whole within a second and two connects', async () => {
    const pool = simulatePool({ policy: { min: 4, max: 4 } })
    await pool.clock.advance(20)
    for (const connection of pool.server.connections) pool.server.kill(connection)
    pool.server.connects = 'swallowed'
    const callers = askers(pool, 4, 60_000)
    await pool.clock.advance(5_000)
    pool.server.connects = 'accepted'
    await pool.clock.advance(1_000 + 2 * 20 + 1)
    expect(pool.keeper.stats()).toMatchObject({ used: 4, opening: 0, pending: 0 })
    expect(pool.server.most).toBeLessThanOrEqual(5)
    await pool.clock.until(callers)
  })

  test('while nobody waits are given up by their own timeout, and tried again', async () => {
    const pool = simulatePool({ policy: { min: 1, connectTimeoutMillis: 2_000 } })
    pool.server.connects = 'swallowed'
    await pool.clock.advance(1_000)
    pool.server.connects = 'accepted'
    await pool.clock.advance(1_000 + 100 + 20)
    expect(pool.keeper.stats()).toMatchObject({ idle: 1, opens: { failed: 1, ok: 1 } })
  })

  test('a probe goes out every second while somebody waits, and never two at a time', async () => {
    const pool = simulatePool({ policy: { max: 2, replaceAhead: 3, acquireTimeoutMillis: 10_000 } })
    pool.server.connects = 'swallowed'
    const callers = askers(pool, 2)
    let most = 0
    for (let count = 0; count < 95; count++) {
      await pool.clock.advance(100)
      most = Math.max(most, pool.keeper.stats().opening)
    }
    expect(most).toBe(3)
    expect(pool.keeper.stats().opens.failed).toBeGreaterThanOrEqual(6)
    await pool.clock.until(callers)
  })

  test('are forgotten when others are answered: the pool is up again', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    pool.server.connects = 'swallowed'
    const caller = askers(pool, 1, 60_000)
    await pool.clock.advance(1_500)
    expect(pool.keeper.health().status).toBe('down')
    pool.server.connects = 'accepted'
    await pool.clock.advance(1_500)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, opening: 0 })
    expect(pool.keeper.health()).toMatchObject({ status: 'up', reasons: [] })
    await pool.clock.until(caller)
  })

  test('a probe beside a connect that is slow, not stuck, does not leave the pool above max', async () => {
    const pool = simulatePool({ policy: { max: 1, idleTimeoutMillis: false }, openMillis: 1_010 })
    const caller = pool.acquire()
    await pool.clock.advance(990)
    pool.server.openMillis = 20
    pool.release(await pool.clock.until(caller))
    await pool.clock.advance(5_000)
    expect(pool.server.alive).toBe(1)
  })

  test('an attempt that answers condemns the older ones that stay silent, and their callers go on waiting', async () => {
    const pool = simulatePool({ policy: { max: 3, acquireTimeoutMillis: 20_000 } })
    pool.server.connects = 'swallowed'
    const stuck = askers(pool, 2, 60_000)
    await pool.clock.advance(2_500)
    pool.server.connects = 'accepted'
    await pool.clock.advance(1_000 + 2 * 20)
    expect(pool.keeper.stats()).toMatchObject({ used: 2, pending: 0, opening: 0, acquires: { failed: 0 } })
    await pool.clock.until(stuck)
  })
})

describe('a server that has no room', () => {
  test('refuses a rival, and the race goes on without it', async () => {
    const pool = simulatePool({ policy: { max: 1, validationTimeoutMillis: 1_000 } })
    const [connection] = await fill(pool, 1)
    pool.server.limit = 1
    await pool.clock.advance(1_000)
    pool.server.silence(connection === undefined ? [] : [connection])
    expect(await waits(pool, 1)).toEqual([1_020])
    expect(pool.server.most).toBe(1)
  })
})
