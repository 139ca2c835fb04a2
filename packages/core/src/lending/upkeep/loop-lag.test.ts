import { describe, expect, test } from 'vitest'
import { simulatePool } from '../../testing/index.ts'
import { askers, fill, ofType, record } from '../../testing/scenario.ts'
import { blockedText } from './loop-lag.ts'

describe('an event loop that was blocked', () => {
  test('is worth a word from a tenth of a second on', () => {
    expect(blockedText(99)).toBe('')
    expect(blockedText(1_234.4)).toBe('; the event loop of this process was blocked for 1234 ms at the end')
  })

  test('P-087: is told as what it is, and not as a freeze', async () => {
    const pool = simulatePool({ policy: { min: 1 } })
    await fill(pool, 1)
    const events = record(pool)
    await pool.clock.advance(5_000)
    expect(ofType(events, 'loopLagged')).toEqual([])
    await pool.clock.stall(4_999)
    const [lagged] = ofType(events, 'loopLagged')
    expect(lagged?.lagMillis).toBeGreaterThan(1_000)
    expect(lagged?.lagMillis).toBeLessThan(5_000)
    expect(ofType(events, 'froze')).toEqual([])
  })

  test('is told once for each round that it held up', async () => {
    const pool = simulatePool({ policy: { min: 1 } })
    await fill(pool, 1)
    const events = record(pool)
    await pool.clock.advance(5_000)
    await pool.clock.stall(4_000)
    await pool.clock.advance(10_000)
    expect(ofType(events, 'loopLagged')).toHaveLength(1)
  })

  test.each([
    ['blocked', 2_500, 'no answer to the validation within 1000 ms; the event loop of this process was blocked for 1500 ms at the end'],
    ['free', 0, 'no answer to the validation within 1000 ms'],
  ])('is named where a check got no answer in time: %s', async (_, stalledMillis, text) => {
    const pool = simulatePool({ policy: { validationTimeoutMillis: 1_000 } })
    pool.server.silence(await fill(pool, 1))
    await pool.clock.advance(1_000)
    const events = record(pool)
    pool.server.connects = 'swallowed'
    const caller = askers(pool, 1)
    if (stalledMillis > 0) await pool.clock.stall(stalledMillis)
    else await pool.clock.advance(1_000)
    expect(ofType(events, 'validationFailed')).toMatchObject([{ error: { message: text } }])
    pool.server.connects = 'accepted'
    await pool.clock.until(caller)
  })

  test('does not condemn a connection whose answer has arrived', async () => {
    const pool = simulatePool({ policy: { validationTimeoutMillis: 1_000 } })
    await fill(pool, 1)
    await pool.clock.advance(1_000)
    const caller = askers(pool, 1)
    await pool.clock.stall(4_000)
    expect(await pool.clock.until(caller)).toEqual([4_000])
    expect(pool.keeper.stats()).toMatchObject({ validations: { timedOut: 0 }, opens: { ok: 1 } })
  })
})

describe('a connect that ran into its deadline while the event loop was blocked', () => {
  const policy = { max: 1, circuit: 1, createRetry: true, connectTimeoutMillis: 1_000, acquireTimeoutMillis: 5_000, replaceAhead: 0 }

  test('does not open the circuit: the answer may lie unread', async () => {
    const pool = simulatePool({ policy, openMillis: 1_500 })
    const caller = askers(pool, 1)
    await pool.clock.advance(500)
    await pool.clock.stall(2_000)
    expect(pool.keeper.stats()).toMatchObject({ opens: { failed: 1 }, circuit: 'closed' })
    pool.server.openMillis = 20
    expect(await pool.clock.until(caller)).toEqual([expect.any(Number)])
  })

  test('says so in the error of whoever waited for it', async () => {
    const pool = simulatePool({ policy: { ...policy, circuit: false, acquireTimeoutMillis: 2_510 }, draw: () => 0 })
    pool.server.connects = 'swallowed'
    const caller = askers(pool, 1)
    await pool.clock.advance(500)
    await pool.clock.stall(2_000)
    const [error] = await pool.clock.until(caller)
    expect(error).toMatchObject({ code: 'CONNECT_FAILED', message: expect.stringContaining('connecting failed: connect timed out; the event loop of this process was blocked for') as unknown })
  })

  test('opens the circuit when nothing was blocked', async () => {
    const pool = simulatePool({ policy, openMillis: 1_500 })
    const caller = askers(pool, 1)
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats()).toMatchObject({ opens: { failed: 1 }, circuit: 'open' })
    expect(await pool.clock.until(caller)).toEqual([expect.objectContaining({ code: 'CIRCUIT_OPEN' })])
  })
})
