import { describe, expect, test } from 'vitest'
import { simulatePool, type SimulatedPool } from '../../testing/index.ts'
import { askers, failureOf, ofType, record, takeOne, waits } from '../../testing/scenario.ts'

const RETRY = { createRetry: true, max: 3, acquireTimeoutMillis: 10_000 } as const

function down(policy: object = {}, draw: () => number = () => 0.5): SimulatedPool {
  const pool = simulatePool({ policy: { ...RETRY, ...policy }, draw })
  pool.server.connects = 'refused'
  return pool
}

describe('with createRetry, a connect that fails', () => {
  test('P-023: costs its callers nothing but the wait when the outage ends within their deadline', async () => {
    const pool = down()
    const callers = askers(pool, 5, 10)
    await pool.clock.advance(3_000)
    pool.server.connects = 'accepted'
    const waited = await pool.clock.until(callers)
    expect(waited).toEqual(Array.from({ length: 5 }, () => expect.any(Number)))
    expect(Math.max(...(waited as number[]))).toBeLessThanOrEqual(3_000 + 500 + 3 * 20 + 10)
    expect(pool.keeper.stats()).toMatchObject({ acquires: { ok: 5, failed: 0, timedOut: 0 }, pending: 0 })
  })

  test('P-024: does not keep a caller from what another gives back', async () => {
    const pool = simulatePool({ policy: RETRY })
    const held = await takeOne(pool)
    pool.server.connects = 'refused'
    const callers = askers(pool, 2)
    await pool.clock.advance(2_000)
    pool.release(held)
    expect(await pool.clock.until(callers)).toEqual([2_001, 2_001])
    expect(pool.keeper.stats().opens.ok).toBe(1)
  })

  test('P-021, P-020: is the cause of the answer that a caller gets at his deadline', async () => {
    const pool = down({ acquireTimeoutMillis: 2_000 })
    const error = await failureOf(pool, pool.acquire())
    expect(pool.clock.now()).toBe(2_000)
    expect(error).toMatchObject({ code: 'CONNECT_FAILED', cause: { code: 'ECONNREFUSED' } })
    expect(pool.keeper.stats()).toMatchObject({ acquires: { timedOut: 1, failed: 0 } })
  })

  test.each<[string, () => number, number]>([
    ['the longest pauses', () => 1, 500],
    ['the shortest pauses', () => 0, 20],
  ])('P-101: is tried again at most every half second, one at a time, and never in a loop: %s', async (_, draw, longest) => {
    const pool = down({ acquireTimeoutMillis: 60_000 }, draw)
    const events = record(pool)
    let most = 0
    const callers = askers(pool, 20)
    await pool.clock.advance(21)
    for (let step = 0; step < 300; step++) {
      await pool.clock.advance(10)
      most = Math.max(most, pool.keeper.stats().opening)
    }
    const moments = ofType(events, 'openFailed').map(({ at }) => at)
    const later = moments.slice(3).map((moment, index) => moment - (moments[index + 2] ?? 0) - 20)
    expect(most).toBe(1)
    expect(Math.max(...later)).toBe(longest)
    expect(Math.min(...later)).toBeGreaterThanOrEqual(20)
    pool.server.connects = 'accepted'
    await pool.clock.until(callers)
  })

  test('P-106: is over with the first success: everybody else connects at once', async () => {
    const pool = down({ max: 10 }, () => 1)
    const callers = askers(pool, 10, 60_000)
    await pool.clock.advance(2_000)
    pool.server.connects = 'accepted'
    await pool.clock.advance(500 + 20 + 20)
    expect(pool.keeper.stats()).toMatchObject({ used: 10, pending: 0 })
    await pool.clock.until(callers)
  })

  test('is the answer at once when the server knows neither user nor password', async () => {
    const pool = down()
    pool.server.connects = 'unknownUser'
    expect(await waits(pool, 3)).toEqual(Array.from({ length: 3 }, () => expect.objectContaining({ code: 'WRONG_PASSWORD' })))
    expect(pool.clock.now()).toBe(20)
    expect(await waits(pool, 1)).toEqual([expect.objectContaining({ code: 'WRONG_PASSWORD' })])
    expect(pool.clock.now()).toBe(40)
  })

  test('is tried again when the server had no room', async () => {
    const pool = simulatePool({ policy: RETRY })
    pool.server.limit = 0
    const caller = askers(pool, 1)
    await pool.clock.advance(1_000)
    pool.server.limit = 1
    expect(await pool.clock.until(caller)).toEqual([expect.any(Number)])
  })

  test('leaves nothing behind when its callers have left', async () => {
    const pool = down({ acquireTimeoutMillis: 1_000 })
    await waits(pool, 5)
    const { failed } = pool.keeper.stats().opens
    await pool.clock.advance(60_000)
    expect(pool.keeper.stats()).toMatchObject({ pending: 0, opening: 0, opens: { failed } })
  })

  test('gives no overflow to those who wait, either: that would be connecting, too', async () => {
    const pool = down({ max: 1, overflow: 5, overflowAfterMillis: 100, acquireTimeoutMillis: 5_000 }, () => 1)
    const callers = askers(pool, 5)
    await pool.clock.advance(4_000)
    expect(pool.keeper.stats().opens.failed).toBeLessThanOrEqual(25)
    await pool.clock.until(callers)
  })

  test('leaves nobody waiting when the keeper is detached: the host serves him in its own way', async () => {
    const pool = down({}, () => 1)
    const caller = askers(pool, 1)
    await pool.clock.advance(500)
    expect(pool.keeper.stats()).toMatchObject({ opening: 0, pending: 1 })
    pool.server.connects = 'accepted'
    pool.keeper.detach()
    expect(await pool.clock.until(caller)).toEqual([520])
  })
})

test('without createRetry, a connect that fails is the answer to the caller who has waited longest', async () => {
  const pool = simulatePool({ policy: { max: 3 } })
  pool.server.connects = 'refused'
  expect(await waits(pool, 3)).toEqual(Array.from({ length: 3 }, () => expect.objectContaining({ code: 'ECONNREFUSED' })))
  expect(pool.clock.now()).toBe(20)
})
