import { describe, expect, test } from 'vitest'
import { simulatePool, type SimulatedPool } from '../../testing/index.ts'
import { askers, failureOf, fill, ofType, record, take, takeOne, waits } from '../../testing/scenario.ts'

const POLICY = { circuit: 3, max: 5, acquireTimeoutMillis: 10_000 } as const
const OPEN = expect.objectContaining({ code: 'CIRCUIT_OPEN', cause: expect.objectContaining({ code: 'ECONNREFUSED' }) as unknown }) as unknown
const REFUSED = expect.objectContaining({ code: 'ECONNREFUSED' }) as unknown

/** A pool whose server refuses connects, and whose circuit has just opened by that. */
async function opened(policy: object = {}, draw: () => number = () => 1): Promise<SimulatedPool> {
  const pool = simulatePool({ policy: { ...POLICY, ...policy }, draw })
  pool.server.connects = 'refused'
  await waits(pool, 3)
  return pool
}

describe('connects that fail so often in a row', () => {
  test('open the circuit: who comes then is refused at once, with the last cause and the counts', async () => {
    const pool = await opened()
    const events = record(pool)
    const since = pool.clock.now()
    const error = await failureOf(pool, pool.acquire())
    expect(pool.clock.now()).toBe(since)
    expect(error).toMatchObject({ code: 'CIRCUIT_OPEN', pool: 'simulated', counts: { used: 0, idle: 0 }, cause: { code: 'ECONNREFUSED' } })
    expect((error as Error).message).toContain('circuit is open after 3 failed connects in a row, the last one: ECONNREFUSED')
    expect(pool.keeper.stats()).toMatchObject({ circuit: 'open', acquires: { failed: 3, refused: 1 }, opens: { failed: 3 } })
    expect(events).toEqual([])
  })

  test('are told once, with their number and the last of them', async () => {
    const pool = simulatePool({ policy: POLICY })
    const events = record(pool)
    pool.server.connects = 'refused'
    await waits(pool, 5)
    await waits(pool, 5)
    expect(ofType(events, 'circuitOpened')).toMatchObject([{ failures: 3, cause: { code: 'ECONNREFUSED' } }])
  })

  test('do not count when something succeeded in between', async () => {
    const pool = simulatePool({ policy: { ...POLICY, idleTimeoutMillis: 1 } })
    for (let round = 0; round < 5; round++) {
      pool.server.connects = 'refused'
      await waits(pool, 2)
      pool.server.connects = 'accepted'
      expect(await waits(pool, 1)).toEqual([20])
      await pool.clock.advance(1_000)
    }
    expect(pool.keeper.stats()).toMatchObject({ circuit: 'closed', idle: 0 })
  })

  test('do not count when the server has no room: it is there', async () => {
    const pool = simulatePool({ policy: POLICY })
    pool.server.limit = 0
    await waits(pool, 10)
    expect(pool.keeper.stats()).toMatchObject({ circuit: 'closed', acquires: { failed: 10 } })
  })

  test('P-105: one failed login is enough, if the policy says so: no second one until the pause is over, and one cause for all', async () => {
    const pool = simulatePool({ policy: { ...POLICY, max: 1, circuit: 1 }, draw: () => 1 })
    pool.server.connects = 'unknownUser'
    const answers = await waits(pool, 5)
    expect(answers[0]).toMatchObject({ code: 'WRONG_PASSWORD' })
    for (const answer of answers.slice(1)) expect(answer).toMatchObject({ code: 'CIRCUIT_OPEN', cause: answers[0] })
    for (let count = 0; count < 7; count++) {
      await pool.clock.advance(10)
      expect(await failureOf(pool, pool.acquire())).toMatchObject({ code: 'CIRCUIT_OPEN', cause: answers[0] })
    }
    expect(pool.keeper.stats().opens.failed).toBe(1)
  })

  test('P-105: a login that is refused again and again is not repeated twice a second, though callers come', async () => {
    const pool = simulatePool({ policy: { ...POLICY, circuit: 1 }, draw: () => 1 })
    pool.server.connects = 'unknownUser'
    for (let count = 0; count < 600; count++) {
      await failureOf(pool, pool.acquire())
      await pool.clock.advance(100)
    }
    expect(pool.keeper.stats().opens.failed).toBeLessThan(25)
  })

  test('with createRetry, callers wait until then, and no longer', async () => {
    const pool = simulatePool({ policy: { ...POLICY, createRetry: true }, draw: () => 1 })
    pool.server.connects = 'refused'
    const answers = await waits(pool, 2)
    expect(answers).toEqual([OPEN, OPEN])
    expect(pool.clock.now()).toBe(20 + 100 + 20)
  })
})

describe('while the circuit is open', () => {
  test('what lives is lent, and who waits for it goes on waiting', async () => {
    const pool = simulatePool({ policy: { ...POLICY, max: 4 } })
    const held = await take(pool, 1)
    pool.server.connects = 'refused'
    expect(await waits(pool, 3)).toEqual([REFUSED, REFUSED, REFUSED])
    expect(pool.keeper.health()).toMatchObject({ status: 'degraded', reasons: ['the circuit is open', 'connecting fails'] })
    const caller = askers(pool, 1)
    await pool.clock.advance(3_000)
    for (const connection of held) pool.release(connection)
    expect(await pool.clock.until(caller)).toEqual([3_001])
    expect(await waits(pool, 1)).toEqual([0])
    expect(pool.keeper.stats().circuit).not.toBe('closed')
  })

  test('who waits for the last connection is refused when that dies', async () => {
    const pool = simulatePool({ policy: POLICY })
    const held = await takeOne(pool)
    pool.server.connects = 'refused'
    await waits(pool, 3)
    const caller = askers(pool, 2)
    await pool.clock.advance(100)
    pool.server.kill(held)
    pool.release(held)
    expect(await pool.clock.until(caller, 300)).toEqual([OPEN, OPEN])
  })

  test('nothing is replaced, nothing is refilled, and no rival is opened', async () => {
    const pool = simulatePool({ policy: { ...POLICY, min: 5, maxLifetimeMillis: 10_000, keepaliveMillis: false } })
    await fill(pool, 3)
    await pool.clock.advance(1_000)
    pool.server.connects = 'refused'
    for (const connection of pool.server.connections.slice(0, 2)) pool.server.kill(connection)
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats().circuit).toBe('open')
    const { closes } = pool.keeper.stats()
    await pool.clock.advance(20_000)
    expect(pool.keeper.stats().closes).toEqual(closes)
    expect(pool.keeper.stats()).toMatchObject({ idle: 3, replacements: 0 })
  })

  test('health and explain say so', async () => {
    const pool = await opened()
    expect(pool.keeper.health()).toMatchObject({ status: 'down', reasons: ['the circuit is open', 'no connection is open, and connecting fails'] })
    expect(pool.keeper.explain().connecting).toMatchObject({ circuit: 'open', failures: 1, lastError: { code: 'ECONNREFUSED' }, pauseMillis: 100 })
  })

  test('a policy that switches it off lets everybody in again', async () => {
    const pool = await opened()
    pool.keeper.reconfigure({ circuit: false })
    await pool.clock.advance(0)
    expect(pool.keeper.stats().circuit).toBe('closed')
    expect(await waits(pool, 1)).toEqual([REFUSED])
  })

  test('a policy that only observes from now on lets everybody in again', async () => {
    const pool = await opened()
    pool.keeper.reconfigure({ mode: 'observe' })
    await pool.clock.advance(0)
    expect(pool.keeper.stats().circuit).toBe('closed')
    expect(await waits(pool, 4)).toEqual([REFUSED, REFUSED, REFUSED, REFUSED])
    expect(pool.keeper.stats().circuit).toBe('closed')
  })

  test('a policy that only observes counts whom it would refuse, refuses nobody, and tells of no circuit', async () => {
    const pool = simulatePool({ policy: { ...POLICY, mode: 'observe' }, draw: () => 1 })
    const events = record(pool)
    pool.server.connects = 'refused'
    await waits(pool, 3)
    expect(await waits(pool, 4)).toEqual([REFUSED, REFUSED, REFUSED, REFUSED])
    await pool.clock.advance(600)
    expect(await waits(pool, 1)).toEqual([REFUSED])
    expect(pool.keeper.stats()).toMatchObject({ circuit: 'closed', observed: { refuse: 4 }, acquires: { failed: 8, refused: 0 } })
    expect(ofType(events, 'observed').map(({ reason }) => reason)).toEqual(Array.from({ length: 4 }, () => 'circuit'))
    pool.keeper.reconfigure({ mode: 'enforce' })
    await pool.clock.advance(0)
    expect(pool.keeper.stats().circuit).toBe('closed')
    await waits(pool, 3)
    expect(pool.keeper.stats().circuit).toBe('open')
    expect(ofType(events, 'circuitOpened')).toHaveLength(1)
    expect(ofType(events, 'circuitClosed')).toEqual([])
  })

  test('draining answers as ever, and sends no probe', async () => {
    const pool = await opened()
    const { failed } = pool.keeper.stats().opens
    await pool.clock.until(pool.keeper.drain())
    await pool.clock.advance(10_000)
    expect(await failureOf(pool, pool.acquire())).toMatchObject({ code: 'DRAINING' })
    expect(pool.keeper.stats().opens.failed).toBe(failed)
  })
})

describe('P-106: after the pause', () => {
  test('a caller waits for the probe, also while a connection that is being closed has its place', async () => {
    const policy = { circuit: 1, max: 1, replaceAhead: 0, overflow: 1, overflowAfterMillis: 50, maxLifetimeMillis: 10_000 }
    const pool = simulatePool({ policy: { ...policy, idleTimeoutMillis: false, keepaliveMillis: false }, closeMillis: 50 })
    const held = await takeOne(pool)
    pool.server.connects = 'refused'
    const other = pool.acquire()
    await pool.clock.advance(100)
    expect(pool.keeper.stats().circuit).toBe('open')
    pool.server.connects = 'accepted'
    pool.release(held)
    pool.release(await pool.clock.until(other))
    // Nobody uses the pool, so nobody probes.
    await pool.clock.advance(60_000)
    pool.keeper.reconfigure({ maxLifetimeMillis: 1_000 })
    const [waited] = await waits(pool, 1)
    expect(waited).toBeGreaterThanOrEqual(50 + 20)
    expect(waited).toBeLessThan(400)
    expect(pool.keeper.stats().circuit).toBe('closed')
  })

  test('one probe is sent in the background while the pool is in use; its success serves everybody', async () => {
    const pool = await opened()
    const events = record(pool)
    pool.server.connects = 'accepted'
    await pool.clock.advance(99)
    expect(await failureOf(pool, pool.acquire())).toEqual(OPEN)
    await pool.clock.advance(1)
    expect(pool.keeper.stats()).toMatchObject({ circuit: 'halfOpen', opening: 1, opens: { failed: 3 } })
    const callers = askers(pool, 5, 1_000)
    await pool.clock.advance(19)
    expect(pool.keeper.stats()).toMatchObject({ circuit: 'halfOpen', opening: 1, pending: 5 })
    expect(await pool.clock.until(callers)).toEqual([20, 40, 40, 40, 40])
    expect(ofType(events, 'circuitClosed')).toMatchObject([{ openMillis: 100 + 20 }])
    expect(pool.keeper.stats()).toMatchObject({ circuit: 'closed', acquires: { ok: 5 } })
    expect(pool.keeper.health()).toMatchObject({ status: 'up', reasons: [] })
  })

  test('its failure opens the circuit again, for the next pause, and refuses who waited for it', async () => {
    const pool = await opened()
    const events = record(pool)
    await pool.clock.advance(100)
    const callers = askers(pool, 2)
    expect(await pool.clock.until(callers)).toEqual([OPEN, OPEN])
    expect(pool.clock.now()).toBe(20 + 100 + 20)
    expect(pool.keeper.explain().connecting).toMatchObject({ circuit: 'open', failures: 2, pauseMillis: 200 })
    expect(ofType(events, 'circuitOpened')).toEqual([])
  })

  test('a pool that nobody uses any more sends none: the next caller is its reason, and waits for it', async () => {
    const pool = await opened()
    await pool.clock.advance(40_000)
    const { failed } = pool.keeper.stats().opens
    await pool.clock.advance(600_000)
    expect(pool.keeper.stats().opens.failed).toBe(failed)
    pool.server.connects = 'accepted'
    expect(await waits(pool, 3, 50)).toEqual([20, 40, 40])
    expect(pool.server.most).toBe(3)
    expect(pool.keeper.stats().circuit).toBe('closed')
  })

  test('callers who come one after the other meet one probe for each pause, and no more', async () => {
    const pool = await opened()
    let most = 0
    for (let count = 0; count < 2_000; count++) {
      void pool.acquire().catch(() => {})
      await pool.clock.advance(10)
      most = Math.max(most, pool.keeper.stats().opening)
    }
    expect(most).toBe(1)
    // Three that opened it, then pauses of 100, 200, 400 and 500 ms, each with 20 ms for the attempt.
    expect(pool.keeper.stats().opens.failed).toBeLessThanOrEqual(3 + 3 + Math.ceil(19_300 / 520))
    pool.server.connects = 'accepted'
    await pool.clock.advance(540)
    expect(pool.keeper.stats().circuit).toBe('closed')
  })

  test('a probe that nobody answers is given up, and who comes late does not wait for it', async () => {
    const pool = await opened()
    pool.server.connects = 'swallowed'
    await pool.clock.advance(100)
    const early = askers(pool, 1)
    expect(await pool.clock.until(early)).toEqual([expect.objectContaining({ code: 'CIRCUIT_OPEN' })])
    expect(pool.clock.now()).toBe(20 + 100 + 1_000)
    await pool.clock.advance(200 + 999)
    const beforeTheSecond = askers(pool, 1)
    await pool.clock.advance(2)
    const late = askers(pool, 1)
    expect(await pool.clock.until(late, 0)).toEqual([expect.objectContaining({ code: 'CIRCUIT_OPEN' })])
    expect(pool.keeper.stats()).toMatchObject({ circuit: 'halfOpen', pending: 1, opening: 1 })
    pool.server.connects = 'accepted'
    await pool.clock.advance(1_000 + 500 + 20)
    await pool.clock.until(beforeTheSecond)
    expect(pool.keeper.stats().circuit).not.toBe('open')
  })

  test('a server that takes three seconds to let anybody in is reached all the same', async () => {
    const pool = await opened()
    pool.server.connects = 'accepted'
    pool.server.openMillis = 3_000
    await pool.clock.advance(60_000)
    for (let count = 0; count < 60 && pool.keeper.stats().circuit !== 'closed'; count++) {
      void pool.acquire().then(pool.release, () => {})
      await pool.clock.advance(1_000)
    }
    expect(pool.keeper.stats()).toMatchObject({ circuit: 'closed' })
  })

  test('an attempt that was under way and succeeds closes the circuit as well', async () => {
    const pool = simulatePool({ policy: { ...POLICY, max: 5 }, draw: () => 1 })
    pool.server.openMillis = 60
    const slow = askers(pool, 1)
    await pool.clock.advance(10)
    pool.server.openMillis = 20
    pool.server.connects = 'refused'
    await pool.clock.advance(0)
    const others = askers(pool, 3)
    await pool.clock.advance(20)
    expect(pool.keeper.stats().circuit).toBe('open')
    await pool.clock.advance(30)
    expect(pool.keeper.stats().circuit).toBe('closed')
    await pool.clock.until(Promise.all([slow, others]))
  })

  test('a server that has no room answers the probe: the circuit closes', async () => {
    const pool = await opened()
    pool.server.connects = 'accepted'
    pool.server.limit = 0
    await pool.clock.advance(120)
    expect(pool.keeper.stats().circuit).toBe('closed')
    expect(await waits(pool, 1)).toEqual([expect.objectContaining({ code: 'TOO_MANY_CONNECTIONS' })])
  })

  test('a pool whose minimum is kept finds out by itself, and is filled', async () => {
    const pool = simulatePool({ policy: { ...POLICY, min: 4 } })
    pool.server.connects = 'refused'
    await pool.clock.advance(120_000)
    expect(pool.keeper.stats().circuit).toBe('open')
    pool.server.connects = 'accepted'
    await pool.clock.advance(5_000 + 20 + 250 + 20)
    expect(pool.keeper.stats()).toMatchObject({ circuit: 'closed', idle: 4 })
  })
})
