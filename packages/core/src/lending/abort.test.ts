import { describe, expect, test } from 'vitest'
import { simulatePool, type SimulatedPool } from '../testing/index.ts'
import { failureOf, fill, ofType, record, take, takeOne } from '../testing/scenario.ts'

const LEFT = new Error('the request was cancelled')

/** Asks, and can leave. */
class Leaver {
  readonly #controller = new AbortController()
  readonly answer: Promise<unknown>

  constructor(pool: SimulatedPool) {
    this.answer = pool.acquire({ signal: this.#controller.signal }).catch((error: unknown) => error)
  }

  leave(): void {
    this.#controller.abort(LEFT)
  }
}

describe('a caller who leaves by himself', () => {
  test('P-025: in the queue, leaves no trace: the others keep their order', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const events = record(pool)
    const connection = await takeOne(pool)
    const served: number[] = []
    const wait = (caller: number): Promise<void> => pool.acquire().then(() => void served.push(caller))
    void wait(1)
    const leaver = new Leaver(pool)
    void wait(2)
    await pool.clock.advance(100)
    leaver.leave()
    expect(await leaver.answer).toBe(LEFT)
    expect(pool.keeper.stats()).toMatchObject({ pending: 2, acquires: { aborted: 1, failed: 0, timedOut: 0 } })
    expect(ofType(events, 'acquireFailed')).toEqual([expect.objectContaining({ error: LEFT, waitMillis: 100 })])
    pool.release(connection)
    await pool.clock.advance(10)
    pool.release(connection)
    await pool.clock.advance(10)
    expect(served).toEqual([1, 2])
  })

  test('P-026: while a connection is opened for him, leaves it to the next one', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const leaver = new Leaver(pool)
    const next = pool.acquire()
    await pool.clock.advance(10)
    leaver.leave()
    expect(await leaver.answer).toBe(LEFT)
    await pool.clock.until(next)
    expect(pool.clock.now()).toBe(20)
    expect(pool.server.accepted).toBe(1)
  })

  test('P-026: while a connection is opened for him alone, leaves it idle', async () => {
    const pool = simulatePool()
    const leaver = new Leaver(pool)
    await pool.clock.advance(10)
    leaver.leave()
    await pool.clock.advance(100)
    expect(pool.keeper.stats()).toMatchObject({ idle: 1, used: 0, opening: 0, pending: 0 })
  })

  test('P-027: before he asked, has nothing opened, and is counted', async () => {
    const pool = simulatePool()
    const error = await failureOf(pool, pool.acquire({ signal: AbortSignal.abort(LEFT) }))
    expect(error).toBe(LEFT)
    await pool.clock.advance(1_000)
    expect(pool.server.accepted).toBe(0)
    expect(pool.keeper.stats()).toMatchObject({ opening: 0, pending: 0, acquires: { aborted: 1, refused: 0 } })
  })

  test('P-028: while a connection is checked for him, loses nothing: it serves the next, unasked', async () => {
    const pool = simulatePool({ policy: { max: 1 }, answerMillis: 10 })
    await fill(pool, 1)
    await pool.clock.advance(5_000)
    const leaver = new Leaver(pool)
    await pool.clock.advance(5)
    leaver.leave()
    expect(await leaver.answer).toBe(LEFT)
    await pool.clock.advance(5)
    expect(pool.keeper.stats()).toMatchObject({ idle: 1, used: 0, validating: 0 })
    await takeOne(pool)
    expect(pool.server.questions).toBe(1)
  })

  test('P-028: while a connection is checked that turns out to be dead, costs that connection alone', async () => {
    const pool = simulatePool({ policy: { max: 1 }, answerMillis: 10 })
    const [connection] = await fill(pool, 1)
    await pool.clock.advance(5_000)
    if (connection !== undefined) pool.server.kill(connection, 'unnoticed')
    const leaver = new Leaver(pool)
    await pool.clock.advance(5)
    leaver.leave()
    await pool.clock.advance(100)
    expect(await leaver.answer).toBe(LEFT)
    expect(pool.keeper.stats()).toMatchObject({ idle: 0, used: 0, validating: 0, closing: 0, pending: 0 })
    await takeOne(pool)
  })

  test('with the connection in his hands, changes nothing any more', async () => {
    const pool = simulatePool()
    const controller = new AbortController()
    const connection = await pool.clock.until(pool.acquire({ signal: controller.signal }))
    controller.abort(LEFT)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, acquires: { ok: 1, aborted: 0 } })
    expect(pool.release(connection)).toBe(true)
  })

  test('after his deadline, is told of the deadline, and counted once', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 1_000 } })
    await takeOne(pool)
    const leaver = new Leaver(pool)
    await pool.clock.advance(1_000)
    leaver.leave()
    expect(await leaver.answer).toMatchObject({ code: 'POOL_EXHAUSTED' })
    expect(pool.keeper.stats().acquires).toMatchObject({ timedOut: 1, aborted: 0 })
  })

  test('is answered by a drain first, if that comes first', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    await takeOne(pool)
    const leaver = new Leaver(pool)
    void pool.keeper.drain()
    leaver.leave()
    expect(await leaver.answer).toMatchObject({ code: 'DRAINING' })
    expect(pool.keeper.stats().acquires).toMatchObject({ refused: 1, aborted: 0 })
  })

  test('a thousand times at random moments, costs no connection and no place', async () => {
    const pool = simulatePool({ policy: { max: 4, validateAfterIdleMillis: 0 }, answerMillis: 3 })
    const leavers: Leaver[] = []
    for (let index = 0; index < 1_000; index++) {
      const leaver = new Leaver(pool)
      leavers.push(leaver)
      pool.clock.after((index * 7) % 40, () => leaver.leave())
      void leaver.answer.then((got) => {
        if (got !== LEFT) pool.clock.after(index % 11, () => pool.release(got as Parameters<typeof pool.release>[0]))
      })
      await pool.clock.advance(index % 3)
    }
    await pool.clock.advance(1_000)
    await Promise.all(leavers.map(({ answer }) => answer))
    const { ok, aborted, failed, timedOut, refused } = pool.keeper.stats().acquires
    expect([ok + aborted, failed, timedOut, refused]).toEqual([1_000, 0, 0, 0])
    expect(Math.min(ok, aborted)).toBeGreaterThan(100)
    expect(pool.keeper.stats()).toMatchObject({ used: 0, validating: 0, pending: 0, opening: 0 })
    await take(pool, 4)
  })
})
