import { describe, expect, test } from 'vitest'
import { simulatePool, VirtualClock } from '../testing/index.ts'
import { ofType, record, takeOne } from '../testing/scenario.ts'
import { Waiters } from './waiters.ts'

describe('the deadlines of those who wait', () => {
  test('each is answered at his own, whoever came first', async () => {
    const clock = new VirtualClock()
    const waiters = new Waiters<string>(clock)
    const answered: [string, number][] = []
    for (const [key, timeoutMillis] of [['late', 300], ['soon', 100], ['between', 200]] as const) {
      waiters.add(key, undefined, timeoutMillis, () => {
        answered.push([key, clock.now()])
        waiters.take(key)
      })
    }
    await clock.advance(1_000)
    expect(answered).toEqual([['soon', 100], ['between', 200], ['late', 300]])
    expect(waiters.count).toBe(0)
  })

  test('are one timer for all, and none when nobody waits', async () => {
    const clock = new VirtualClock()
    const waiters = new Waiters<number>(clock)
    for (let key = 0; key < 1_000; key++) waiters.add(key, undefined, 1_000 + key, () => {})
    expect(clock.pendingTimers).toBe(1)
    for (let key = 0; key < 1_000; key++) expect(waiters.take(key)).toMatchObject({ since: 0 })
    expect(clock.pendingTimers).toBe(0)
    expect(waiters.take(0)).toBeUndefined()
  })

  test('fire once, also for one who is slow to leave the books', async () => {
    const clock = new VirtualClock()
    const waiters = new Waiters<string>(clock)
    let fired = 0
    waiters.add('slow', undefined, 100, () => void fired++)
    await clock.advance(10_000)
    expect({ fired, count: waiters.count, timers: clock.pendingTimers }).toEqual({ fired: 1, count: 1, timers: 0 })
  })

  test('a caller who was served in the very moment is not answered twice', async () => {
    const clock = new VirtualClock()
    const waiters = new Waiters<string>(clock)
    let fired = 0
    waiters.add('caller', undefined, 100, () => void fired++)
    clock.arrival(100, () => void waiters.take('caller'))
    await clock.advance(1_000)
    expect(fired).toBe(0)
  })
})

describe('P-087: an event loop that was blocked over a deadline', () => {
  test('serves the caller whose connection came back unread, instead of failing him', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 1_000 }, answerMillis: 900 })
    const held = await takeOne(pool)
    void pool.query(held).then(() => pool.release(held))
    const waiting = pool.acquire()
    await pool.clock.advance(500)
    await pool.clock.stall(2_000)
    expect(await waiting).toBe(held)
    expect(pool.keeper.stats().acquires).toMatchObject({ ok: 2, timedOut: 0 })
  })

  test('fails him when nothing had arrived, and says that this process was blocked', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 1_000 } })
    await takeOne(pool)
    const waiting = pool.acquire().catch((error: unknown) => error)
    await pool.clock.advance(500)
    await pool.clock.stall(2_000)
    expect(((await waiting) as Error).message).toContain('the event loop of this process was blocked for 1500 ms')
  })
})

describe('a process that was stopped for half a minute', () => {
  test('does not hold it against those who wait: each has what was left of his deadline', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 5_000 } })
    const events = record(pool)
    const held = await takeOne(pool)
    const since = pool.clock.now()
    const waiting = pool.acquire()
    await pool.clock.advance(1_000)
    await pool.clock.stall(30_000)
    expect(ofType(events, 'froze')).toHaveLength(1)
    await pool.clock.advance(3_000)
    expect(pool.keeper.stats().pending).toBe(1)
    pool.release(held)
    await pool.clock.until(waiting)
    expect(pool.clock.now() - since).toBeGreaterThanOrEqual(34_000)
    expect(ofType(events, 'acquired').at(-1)?.waitMillis).toBeLessThan(5_000)
  })

  test('still answers him at the end of it', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 5_000 } })
    await takeOne(pool)
    const waiting = pool.acquire().catch((error: unknown) => error)
    await pool.clock.advance(1_000)
    await pool.clock.stall(30_000)
    await pool.clock.advance(4_500)
    expect(await waiting).toMatchObject({ code: 'POOL_EXHAUSTED' })
  })
})
