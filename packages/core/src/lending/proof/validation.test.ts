import { describe, expect, test } from 'vitest'
import { simulatePool, type SimulatedConnection, type SimulatedPool } from '../../testing/index.ts'
import { askers, closes, fill, ofType, record, take, takeOne, waits } from '../../testing/scenario.ts'

/** A pool with one idle connection that was given back just now. */
async function withOneIdle(pool: SimulatedPool): Promise<SimulatedConnection> {
  const [connection] = await fill(pool, 1)
  return connection as SimulatedConnection
}

describe('the window after a proof', () => {
  test('P-051: a connection returned within the window is lent without a check', async () => {
    const pool = simulatePool({ policy: { validateAfterIdleMillis: 500 } })
    await withOneIdle(pool)
    await pool.clock.advance(499)
    expect(await waits(pool, 1)).toEqual([0])
    expect(pool.server.questions).toBe(0)
    expect(pool.keeper.stats().validations).toMatchObject({ ok: 0, skipped: 2 })
  })

  test('P-051: one that has been silent for longer is asked once', async () => {
    const pool = simulatePool({ policy: { validateAfterIdleMillis: 500 } })
    await withOneIdle(pool)
    await pool.clock.advance(500)
    expect(await waits(pool, 1)).toEqual([1])
    expect(pool.server.questions).toBe(1)
    expect(pool.keeper.stats().validations).toMatchObject({ ok: 1, skipped: 1 })
  })

  test('P-052: a brand-new connection is lent as it is, also when every checkout is checked', async () => {
    const pool = simulatePool({ policy: { validateAfterIdleMillis: 0 } })
    const connection = await takeOne(pool)
    expect(pool.server.questions).toBe(0)
    pool.release(connection)
    await takeOne(pool)
    expect(pool.server.questions).toBe(1)
  })

  test('P-053: any answer is proof, also one to the holder’s own query', async () => {
    const pool = simulatePool({ policy: { validateAfterIdleMillis: 500 } })
    const connection = await takeOne(pool)
    await pool.clock.advance(10_000)
    await pool.clock.until(pool.query(connection))
    pool.release(connection)
    await pool.clock.advance(400)
    expect(await waits(pool, 1)).toEqual([0])
    expect(pool.server.questions).toBe(1)
  })

  test('a short lease without a complaint is proof; a long one without an answer is not', async () => {
    const pool = simulatePool({ policy: { validateAfterIdleMillis: 500 } })
    const short = await takeOne(pool)
    await pool.clock.advance(499)
    pool.release(short)
    await pool.clock.advance(499)
    const long = await takeOne(pool)
    expect(pool.server.questions).toBe(0)
    await pool.clock.advance(501)
    pool.release(long)
    await takeOne(pool)
    expect(pool.server.questions).toBe(1)
  })

  test('with checks switched off nothing is ever asked', async () => {
    const pool = simulatePool({ policy: { validateAfterIdleMillis: false, keepaliveMillis: false } })
    await withOneIdle(pool)
    await pool.clock.advance(25_000)
    expect(await waits(pool, 1)).toEqual([0])
    expect(pool.server.questions).toBe(0)
  })
})

describe('a check that fails', () => {
  test('P-050: the caller never sees it: the dead connection is destroyed, and he gets another', async () => {
    const pool = simulatePool()
    const connection = await withOneIdle(pool)
    await pool.clock.advance(1_000)
    pool.server.kill(connection, 'unnoticed')
    const events = record(pool)
    expect(await waits(pool, 1)).toEqual([1 + 20])
    expect(closes(pool)).toEqual({ invalid: 1 })
    expect(ofType(events, 'validationFailed')).toMatchObject([
      { connection: 1, trigger: 'checkout', timedOut: false, validationMillis: 1, error: { code: 'ECONNRESET' } },
    ])
  })

  test('P-050: after a restart of the server the first caller after the window is served, whatever lies idle', async () => {
    const pool = simulatePool({ policy: { max: 10 } })
    await fill(pool, 10)
    await pool.clock.advance(1_000)
    for (const connection of pool.server.connections) pool.server.kill(connection, 'unnoticed')
    const [waited] = await waits(pool, 1)
    expect(waited).toBeLessThanOrEqual(1 + 20 + 1)
  })

  test('P-054: that is not answered ends at its own deadline, and the rest of the caller’s goes on', async () => {
    const pool = simulatePool({ policy: { max: 1, validationTimeoutMillis: 400, replaceAhead: 0 } })
    pool.server.silence([await withOneIdle(pool)])
    await pool.clock.advance(1_000)
    const events = record(pool)
    expect(await waits(pool, 1)).toEqual([400 + 20])
    expect(ofType(events, 'validationFailed')).toMatchObject([{ timedOut: true, validationMillis: 400 }])
    expect(pool.keeper.stats().validations).toMatchObject({ failed: 0, timedOut: 1 })
  })

  test('P-054: the socket that did not answer is destroyed at once, without a farewell', async () => {
    const pool = simulatePool({ policy: { max: 1, validationTimeoutMillis: 400, replaceAhead: 0 } })
    pool.server.silence([await withOneIdle(pool)])
    await pool.clock.advance(1_000)
    const caller = askers(pool, 1)
    await pool.clock.advance(400)
    expect(pool.keeper.stats()).toMatchObject({ closing: 0, opening: 1 })
    expect(pool.server.sockets).toBe(0)
    await pool.clock.until(caller)
  })

  test('P-056: forever, on every connection, ends the acquire at its deadline, and leaves nothing behind', async () => {
    const policy = { max: 2, validateAfterIdleMillis: 0, acquireTimeoutMillis: 5_000, replaceAhead: 0 }
    const pool = simulatePool({ policy })
    await fill(pool, 2)
    pool.server.connects = 'swallowed'
    for (const connection of pool.server.connections) pool.server.kill(connection, 'unnoticed')
    const since = pool.clock.now()
    const [error] = await waits(pool, 1)
    expect(error).toMatchObject({ code: 'CONNECT_FAILED' })
    expect(pool.clock.now() - since).toBe(5_000)
    await pool.clock.advance(60_000)
    expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 0, validating: 0, opening: 0, closing: 0, pending: 0 })
  })
})

describe('P-058: a new connection that is found unfit', () => {
  test('gives its place back, every time', async () => {
    const pool = simulatePool({ policy: { max: 1, validateRole: 'writable', acquireTimeoutMillis: 1_000, replaceAhead: 0 } })
    pool.server.isReadOnly = true
    for (let attempt = 0; attempt < 5; attempt++) expect(await waits(pool, 1)).toEqual([expect.any(Error)])
    expect(pool.server.most).toBe(1)
    pool.server.isReadOnly = false
    await pool.clock.advance(1_000)
    expect(await waits(pool, 1)).toEqual([20 + 1])
    expect(pool.keeper.stats()).toMatchObject({ opening: 0, closing: 0, validating: 0 })
  })

  test('because it does not answer, gives its place back at the deadline of the check', async () => {
    const policy = { max: 1, validateRole: 'writable', validationTimeoutMillis: 400, replaceAhead: 0 } as const
    const pool = simulatePool({ policy })
    const caller = askers(pool, 1)
    await pool.clock.advance(20)
    pool.server.silence(pool.server.connections)
    // A pause of 200 ms, because as many new ones as there is room for were unfit.
    expect(await pool.clock.until(caller)).toEqual([20 + 400 + 200 + 20 + 1])
    expect(pool.server).toMatchObject({ accepted: 2, most: 1 })
  })
})

describe('P-137: the role', () => {
  const policy = { max: 2, validateRole: 'writable', acquireTimeoutMillis: 3_000 } as const

  test('of a new connection is asked once, before it is lent', async () => {
    const pool = simulatePool({ policy })
    expect(await waits(pool, 1)).toEqual([20 + 1])
    expect(await waits(pool, 1)).toEqual([0])
    expect(pool.server.questions).toBe(1)
  })

  test('that changed is found by the next check, and the connection is replaced', async () => {
    const pool = simulatePool({ policy })
    await fill(pool, 2)
    await pool.clock.advance(1_000)
    pool.server.isReadOnly = true
    const caller = askers(pool, 1)
    await pool.clock.advance(100)
    expect(pool.keeper.stats().closes.role).toBeGreaterThanOrEqual(2)
    pool.server.isReadOnly = false
    expect(await pool.clock.until(caller)).toEqual([expect.toSatisfy((waited: number) => waited < 1_000)])
  })

  test('of a server that follows another one for good fails the caller by his deadline, without a storm of connects', async () => {
    const pool = simulatePool({ policy })
    pool.server.isReadOnly = true
    const since = pool.clock.now()
    expect(await waits(pool, 1)).toEqual([expect.any(Error)])
    expect(pool.clock.now() - since).toBe(3_000)
    expect(pool.server.accepted).toBeLessThanOrEqual(30)
  })

  test('is asked of a fresh rival too: none is lent that leads to the wrong server', async () => {
    const pool = simulatePool({ policy: { ...policy, max: 1 } })
    const silent = await withOneIdle(pool)
    await pool.clock.advance(1_000)
    pool.server.silence([silent])
    pool.server.isReadOnly = true
    expect(await waits(pool, 1)).toEqual([expect.any(Error)])
    expect(pool.keeper.stats().acquires.ok).toBe(1)
  })
})

describe('P-055: a validator of the host', () => {
  test.each<[string, () => Promise<void>]>([
    [
      'that throws instead of rejecting',
      () => {
        throw new Error('broken')
      },
    ],
    ['that rejects', () => Promise.reject(new Error('broken'))],
  ])('%s fails the check, and wedges nothing', async (_, validator) => {
    const pool = simulatePool()
    await withOneIdle(pool)
    await pool.clock.advance(1_000)
    pool.server.ask = validator
    expect(await waits(pool, 1)).toEqual([20])
    expect(closes(pool)).toEqual({ invalid: 1 })
  })
})

describe('a check that is under way', () => {
  test('is joined by the next caller, and never doubled', async () => {
    const pool = simulatePool({ policy: { max: 1, replaceAhead: 0 }, answerMillis: 90 })
    await withOneIdle(pool)
    await pool.clock.advance(1_000)
    const first = askers(pool, 1, 10)
    await pool.clock.advance(40)
    expect(await waits(pool, 1)).toEqual([90 - 40 + 10])
    expect(await pool.clock.until(first)).toEqual([90])
    expect(pool.server.questions).toBe(1)
  })

  test('in the background is joined by a caller, who waits only for the rest of it', async () => {
    const policy = { max: 1, min: 1, keepaliveMillis: 10_000, idleTimeoutMillis: false } as const
    const pool = simulatePool({ policy, answerMillis: 80 })
    const events = record(pool)
    await pool.clock.advance(20)
    while (pool.keeper.stats().validating === 0) await pool.clock.advance(10)
    await pool.clock.advance(30)
    expect(await waits(pool, 1)).toEqual([expect.toSatisfy((waited: number) => waited > 0 && waited <= 50)])
    expect(ofType(events, 'validated')).toMatchObject([{ trigger: 'keepalive' }])
    expect(pool.server.questions).toBe(1)
  })

  test('in the background: the connection is counted once when it is lent', async () => {
    const policy = { min: 1, keepaliveMillis: 1_000, validateAfterIdleMillis: 5_000, idleTimeoutMillis: false } as const
    const pool = simulatePool({ policy, answerMillis: 400 })
    while (pool.keeper.stats().validating === 0) await pool.clock.advance(10)
    const caller = pool.acquire()
    await pool.clock.advance(0)
    const { used, idle, validating } = pool.keeper.stats()
    expect(used + idle + validating).toBe(1)
    await pool.clock.until(caller)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 0, validating: 0 })
  })

  test('shows as a state of its own: neither lent nor free', async () => {
    const pool = simulatePool({ answerMillis: 50 })
    await fill(pool, 3)
    await pool.clock.advance(1_000)
    const callers = askers(pool, 2)
    await pool.clock.advance(10)
    expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 1, validating: 2, pending: 2 })
    await pool.clock.until(callers)
  })

  test('P-087: is not failed by a process that was busy: the answer that lay unread counts', async () => {
    const pool = simulatePool({ policy: { max: 1, replaceAhead: 0 }, answerMillis: 5 })
    await withOneIdle(pool)
    await pool.clock.advance(1_000)
    const caller = pool.acquire()
    await pool.clock.stall(2_000)
    await pool.clock.until(caller)
    expect(pool.keeper.stats().validations).toMatchObject({ ok: 1, timedOut: 0 })
    expect(closes(pool)).toEqual({})
  })
})

describe('keepalive', () => {
  const policy = { min: 3, keepaliveMillis: 60_000, maxLifetimeMillis: false } as const

  test('P-059: keeps the connections of a named minimum from being forgotten on the way, with no caller at all', async () => {
    const pool = simulatePool({ policy, draw: () => 0.9 })
    const lastHeard = new Map<number, number>()
    const ask = pool.server.ask.bind(pool.server)
    let longestSilence = 0
    pool.server.ask = (connection) => {
      longestSilence = Math.max(longestSilence, pool.clock.now() - (lastHeard.get(connection.id) ?? 0))
      lastHeard.set(connection.id, pool.clock.now())
      return ask(connection)
    }
    await pool.clock.advance(600_000)
    expect(lastHeard.size).toBe(3)
    expect(longestSilence).toBeLessThanOrEqual(60_000 + 20)
    expect(pool.server).toMatchObject({ accepted: 3, alive: 3 })
  })

  test('P-059: what the server closed in between is replaced without an error for any caller', async () => {
    const pool = simulatePool({ policy })
    await pool.clock.advance(20)
    for (const connection of pool.server.connections) pool.server.kill(connection, 'unnoticed')
    await pool.clock.advance(65_000)
    expect(pool.keeper.stats()).toMatchObject({ idle: 3, generation: 1 })
    expect(pool.server.alive).toBe(3)
    expect(await waits(pool, 3)).toEqual(expect.toSatisfy((all: unknown[]) => all.every((wait) => typeof wait === 'number')))
  })

  test('P-060: is no use: it puts off no idle timeout', async () => {
    const pool = simulatePool({ policy: { ...policy, keepaliveMillis: 1_000, idleTimeoutMillis: 30_000 } })
    await fill(pool, 6)
    await pool.clock.advance(35_000)
    expect(pool.keeper.stats()).toMatchObject({ idle: 3, closes: { idle: 3 } })
  })

  test('P-060: leaves alone what is lent', async () => {
    const pool = simulatePool({ policy })
    await pool.clock.advance(20)
    await take(pool, 3)
    await pool.clock.advance(600_000)
    expect(pool.server.questions).toBe(0)
  })

  test('P-061: asks at most four at one time, however many are silent', async () => {
    const pool = simulatePool({ policy: { ...policy, min: 10, idleTimeoutMillis: false }, answerMillis: 300 })
    let most = 0
    pool.keeper.subscribe(() => {
      most = Math.max(most, pool.keeper.stats().validating)
    })
    for (let count = 0; count < 1_200; count++) {
      await pool.clock.advance(100)
      most = Math.max(most, pool.keeper.stats().validating)
    }
    expect(most).toBe(4)
    expect(pool.keeper.stats().validations.ok).toBeGreaterThanOrEqual(10)
  })

  test('is spread by the draws: a pool filled in one burst is not asked in one', async () => {
    let drawn = 0
    const draw = (): number => (drawn++ % 3) / 3
    const pool = simulatePool({ policy: { ...policy, idleTimeoutMillis: false }, draw })
    const events = record(pool)
    await pool.clock.advance(61_000)
    const asked = ofType(events, 'validated').map(({ at }) => at)
    expect(asked).toHaveLength(3)
    expect(Math.max(...asked) - Math.min(...asked)).toBeGreaterThan(2_000)
    expect(Math.min(...asked)).toBeGreaterThanOrEqual(54_000)
  })
})
