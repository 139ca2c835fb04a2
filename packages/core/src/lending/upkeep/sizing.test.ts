import { describe, expect, test } from 'vitest'
import { totalOf } from '../../counts.ts'
import { simulatePool, type SimulatedPool } from '../../testing/index.ts'
import { askers, closes, fill, ofType, record, take, takeOne, use, waits } from '../../testing/scenario.ts'

describe('growth', () => {
  test('P-001: twenty borrowers of a pool of four never see a fifth connection', async () => {
    const pool = simulatePool({ policy: { max: 4 } })
    expect(await waits(pool, 20, 100)).toEqual([20, 120, 220, 320, 420].flatMap((wait) => Array<number>(4).fill(wait)))
    expect(pool.server).toMatchObject({ accepted: 4, most: 4 })
  })

  test('P-002: a connection that is still closing counts, so that max 1 is never two sockets', async () => {
    const pool = simulatePool({ policy: { max: 1, replaceAhead: 0 }, closeMillis: 200 })
    await fill(pool, 1)
    void pool.keeper.evictIdle()
    expect(await waits(pool, 1)).toEqual([220])
    expect(pool.server).toMatchObject({ accepted: 2, most: 1 })
  })

  test('P-002: with replaceAhead 0 a connection is closed before its replacement is opened, also beside a waiter', async () => {
    const pool = simulatePool({ policy: { max: 1, replaceAhead: 0, maxLifetimeMillis: 10_000 }, closeMillis: 200 })
    const events = record(pool)
    await fill(pool, 1)
    while (ofType(events, 'retired').length === 0) await pool.clock.advance(10)
    expect(pool.keeper.stats()).toMatchObject({ closing: 1, idle: 0 })
    await takeOne(pool)
    expect(pool.server).toMatchObject({ accepted: 2, most: 1 })
  })

  test('P-003: a burst opens what it needs while a connect is slow, and nothing after the demand has ended', async () => {
    const pool = simulatePool({ policy: { max: 10, acquireTimeoutMillis: 500, idleTimeoutMillis: false }, openMillis: 300 })
    const held = await takeOne(pool)
    const burst = askers(pool, 3)
    await pool.clock.advance(100)
    expect(pool.keeper.stats().opening).toBe(3)
    pool.release(held)
    expect(await pool.clock.until(burst)).toEqual([100, 100, 100])
    await pool.clock.advance(10_000)
    expect(pool.server.accepted).toBe(4)
  })

  test('P-013: one hanging connect blocks nobody whom another connection can serve', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    const held = await takeOne(pool)
    pool.server.connects = 'swallowed'
    const waiting = askers(pool, 1)
    await pool.clock.advance(50)
    pool.release(held)
    expect(await pool.clock.until(waiting)).toEqual([50])
  })
})

describe('a minimum that the policy names', () => {
  test('P-004: is there soon after the start', async () => {
    const pool = simulatePool({ policy: { min: 3 } })
    await pool.clock.advance(20)
    expect(pool.keeper.stats()).toMatchObject({ idle: 3, used: 0 })
    expect(pool.server.accepted).toBe(3)
  })

  test('P-004: is refilled after a loss, without anybody asking', async () => {
    const pool = simulatePool({ policy: { min: 3 } })
    await pool.clock.advance(20)
    for (const connection of pool.server.connections.slice(0, 2)) pool.server.kill(connection)
    await pool.clock.advance(25)
    expect(pool.keeper.stats()).toMatchObject({ idle: 3, closes: { fatal: 2 } })
  })

  test('P-006: after a peak the idle timeout shrinks the pool to it, and never below', async () => {
    const pool = simulatePool({ policy: { min: 5, max: 60, idleTimeoutMillis: 30_000, maxLifetimeMillis: false } })
    await fill(pool, 60)
    const seen: number[] = []
    for (let second = 0; second < 120; second++) {
      await pool.clock.advance(1_000)
      seen.push(pool.keeper.stats().idle)
    }
    expect(seen[20]).toBe(60)
    expect(seen.at(-1)).toBe(5)
    expect(Math.min(...seen)).toBe(5)
    expect(closes(pool)).toEqual({ idle: 55 })
  })

  test('P-007: in a pool of fixed size the idle timeout does nothing', async () => {
    const pool = simulatePool({ policy: { min: 4, max: 4, idleTimeoutMillis: 1_000, maxLifetimeMillis: false } })
    await pool.clock.advance(600_000)
    expect(pool.keeper.stats().idle).toBe(4)
    expect(pool.server.accepted).toBe(4)
  })

  test('minIdle stands ready ahead of demand, up to max, and again after each demand', async () => {
    const pool = simulatePool({ policy: { minIdle: 2, max: 4 } })
    await pool.clock.advance(20)
    expect(pool.keeper.stats().idle).toBe(2)
    const [first] = await take(pool, 1)
    await pool.clock.advance(25)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 2 })
    await take(pool, 2)
    await pool.clock.advance(25)
    expect(pool.keeper.stats()).toMatchObject({ used: 3, idle: 1 })
    expect(first).toBeDefined()
    expect(pool.server.most).toBe(4)
  })
})

describe('the idle timeout', () => {
  const policy = { idleTimeoutMillis: 10_000, maxLifetimeMillis: false } as const

  test('P-008: counts from the return: a long lease is not idle', async () => {
    const pool = simulatePool({ policy })
    const connection = await takeOne(pool)
    await pool.clock.advance(60_000)
    pool.release(connection)
    await pool.clock.advance(9_999)
    expect(pool.server.alive).toBe(1)
    await pool.clock.advance(1_100)
    expect(pool.server.alive).toBe(0)
    expect(closes(pool)).toEqual({ idle: 1 })
  })

  test('P-008: closes also what was opened and never used', async () => {
    const pool = simulatePool({ policy: { ...policy, acquireTimeoutMillis: 10 } })
    await waits(pool, 1)
    await pool.clock.advance(20)
    expect(pool.keeper.stats()).toMatchObject({ idle: 1, acquires: { timedOut: 1 } })
    await pool.clock.advance(11_100)
    expect(pool.server.alive).toBe(0)
  })

  test('P-026: counts also for a connection whose caller left while it was being checked', async () => {
    const pool = simulatePool({ policy: { ...policy, acquireTimeoutMillis: 300, validationTimeoutMillis: 300 } })
    await fill(pool, 1)
    await pool.clock.advance(1_000)
    pool.server.answerMillis = 300
    await waits(pool, 1)
    await pool.clock.advance(0)
    expect(pool.keeper.stats()).toMatchObject({ idle: 1, used: 0 })
    await pool.clock.advance(11_100)
    expect(pool.server.alive).toBe(0)
  })

  test('P-009: without a minimum it closes everything, and the next caller gets a new connection', async () => {
    const pool = simulatePool({ policy: { ...policy, min: 0 } })
    await fill(pool, 3)
    await pool.clock.advance(11_100)
    expect(totalOf(pool.keeper.stats())).toBe(0)
    expect(await waits(pool, 1)).toEqual([20])
  })
})

describe('the first day: a policy without a wish of its own', () => {
  const day = 24 * 3_600_000

  function questionsAndConnects({ server }: SimulatedPool): { questions: number; connects: number } {
    return { questions: server.questions, connects: server.accepted }
  }

  test.each([
    ['nothing is said', {}],
    ['the host has a minimum', { min: 5 }],
  ])('wakes no server in a day without traffic, when %s', async (_, host) => {
    const pool = simulatePool({ host })
    await pool.clock.advance(day)
    expect(questionsAndConnects(pool)).toEqual({ questions: 0, connects: 0 })
    expect(pool.clock.pendingTimers).toBe(0)
  })

  test('talks to the server only for as long as somebody uses the pool, and lets it fall asleep', async () => {
    const pool = simulatePool({ host: { min: 5 } })
    await fill(pool, 5)
    await pool.clock.advance(60_000)
    const then = questionsAndConnects(pool)
    await pool.clock.advance(day)
    expect(questionsAndConnects(pool)).toEqual(then)
    expect(pool.server.alive).toBe(0)
    expect(closes(pool)).toEqual({ maxLifetime: 5 })
    expect(pool.clock.pendingTimers).toBe(0)
  })

  test('keeps a minimum of the host while the pool is in use, as far as demand has opened it', async () => {
    const pool = simulatePool({ host: { min: 5 } })
    await fill(pool, 3)
    pool.server.kill(pool.server.connections[0] ?? { id: 0 })
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats().idle).toBe(3)
  })

  test.each([
    ['is refilled', 29_000, 2],
    ['is not', 31_000, 1],
  ])('a minimum of the host that loses a connection %s, %d ms after the last use', async (_, millis, left) => {
    const pool = simulatePool({ host: { min: 2, idleTimeoutMillis: false } })
    const [first] = await fill(pool, 2)
    await pool.clock.advance(millis)
    if (first !== undefined) pool.server.kill(first)
    await pool.clock.advance(500)
    expect(pool.server.alive).toBe(left)
  })

  test('naming keepaliveMillis alone opens nothing ahead of demand', async () => {
    const pool = simulatePool({ policy: { keepaliveMillis: 60_000 }, host: { min: 2 } })
    await pool.clock.advance(day)
    expect(questionsAndConnects(pool)).toEqual({ questions: 0, connects: 0 })
  })

  test('naming keepaliveMillis keeps alive what is there, without callers', async () => {
    const pool = simulatePool({ policy: { keepaliveMillis: 60_000, maxLifetimeMillis: false }, host: { min: 2 } })
    await fill(pool, 2)
    await pool.clock.advance(600_000)
    expect(pool.keeper.stats().idle).toBe(2)
    expect(pool.server.questions).toBeGreaterThanOrEqual(2 * 10)
    expect(pool.server.accepted).toBe(2)
  })

  test('a pool that is used all the time makes no more questions than its callers cause', async () => {
    const pool = simulatePool({ policy: { maxLifetimeMillis: false } })
    for (let count = 0; count < 1_000; count++) {
      await use(pool)
      await pool.clock.advance(100)
    }
    expect(questionsAndConnects(pool)).toEqual({ questions: 0, connects: 1 })
  })
})
