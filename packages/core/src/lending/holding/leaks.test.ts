import { afterEach, beforeEach, describe, expect, test, vi, type MockInstance } from 'vitest'
import { findPoolkeeperError } from '../../errors.ts'
import type { PoolPolicyOptions } from '../../policy/options.ts'
import { ownedBy } from '../../scope.ts'
import { simulatePool, type SimulatedConnection, type SimulatedPool } from '../../testing/index.ts'
import { closes, failureOf, fill, ofType, record, take, takeOne, waits } from '../../testing/scenario.ts'

const THRESHOLD = 1_000
const FILE = 'packages/core/src/lending/holding/leaks.test.ts'

/** The line of whoever calls it. */
function here(): string {
  const [, row] = /leaks\.test\.ts:(\d+)/.exec(new Error().stack?.split('\n')[2] ?? '') ?? []
  return `${FILE}:${row}`
}

function tracked(policy: PoolPolicyOptions = {}): SimulatedPool {
  return simulatePool({ policy: { max: 3, leakThresholdMillis: THRESHOLD, ...policy } })
}

let warn: MockInstance<typeof process.emitWarning>

beforeEach(() => {
  warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
})
afterEach(() => warn.mockRestore())

describe('a connection that is held for longer than the threshold', () => {
  test('P-150: is reported once, with the line of code that acquired it, and when it comes back', async () => {
    const pool = tracked()
    const events = record(pool)
    const [acquired, line] = [pool.acquire(), here()]
    const connection = await pool.clock.until(acquired)
    await pool.clock.until(pool.query(connection, 'select 42'))
    await pool.clock.advance(10 * THRESHOLD)
    const [leaked, ...more] = ofType(events, 'leaked')
    expect(more).toEqual([])
    expect(leaked).toMatchObject({ connection: 1, site: line, lastQuery: 'select 42', heldAtSite: 1, collected: false })
    expect(leaked?.heldMillis).toBeGreaterThanOrEqual(THRESHOLD)
    expect(leaked?.heldMillis).toBeLessThan(1.2 * THRESHOLD)
    expect(leaked?.stack).toContain(line)
    expect(pool.keeper.stats().leaks).toBe(1)
    pool.release(connection)
    expect(ofType(events, 'leakEnded')).toMatchObject([{ connection: 1, site: line, heldMillis: 10 * THRESHOLD + 1 }])
  })

  test('is reported again in its next lease', async () => {
    const pool = tracked()
    const events = record(pool)
    for (let lease = 0; lease < 2; lease++) {
      const connection = await takeOne(pool)
      await pool.clock.advance(2 * THRESHOLD)
      pool.release(connection)
    }
    expect(ofType(events, 'leaked')).toHaveLength(2)
    expect(ofType(events, 'leakEnded')).toHaveLength(2)
  })

  test('is reported with the label of its owner, also by `explain()` and by the report of a drain', async () => {
    const pool = tracked({ drainTimeoutMillis: 50 })
    const events = record(pool)
    const [acquired, line] = [ownedBy('job 7', () => pool.acquire()), here()]
    await pool.clock.until(acquired)
    await pool.clock.advance(2 * THRESHOLD)
    expect(ofType(events, 'leaked')).toMatchObject([{ owner: 'job 7', site: line }])
    expect(pool.keeper.explain().connections[0]?.holder).toMatchObject({ owner: 'job 7', site: line, lastQuery: undefined })
    const { blockers } = await pool.clock.until(pool.keeper.drain())
    expect(blockers).toMatchObject([{ connection: 1, owner: 'job 7', site: line }])
  })

  test('is told when it is closed under its holder', async () => {
    const pool = tracked()
    const events = record(pool)
    await takeOne(pool)
    await pool.clock.advance(2 * THRESHOLD)
    await pool.clock.until(pool.keeper.drain({ timeoutMillis: 0 }))
    expect(ofType(events, 'leakEnded')).toHaveLength(1)
  })

  test('that had been lent before the keeper knew of leaks is reported without a place', async () => {
    const pool = tracked({ leakThresholdMillis: false })
    const events = record(pool)
    await takeOne(pool)
    pool.keeper.reconfigure({ leakThresholdMillis: THRESHOLD })
    await pool.clock.advance(2 * THRESHOLD)
    expect(ofType(events, 'leaked')).toMatchObject([{ connection: 1, site: undefined, stack: undefined }])
  })
})

describe('no leak is', () => {
  test('a short lease, however many', async () => {
    const pool = tracked()
    for (let lease = 0; lease < 20; lease++) {
      await fill(pool, 3)
      await pool.clock.advance(THRESHOLD / 5)
    }
    expect(pool.keeper.stats().leaks).toBe(0)
  })

  test('time in which this process did not run', async () => {
    const pool = tracked()
    await takeOne(pool)
    await pool.clock.advance(THRESHOLD / 2)
    await pool.clock.stall(60 * THRESHOLD)
    await pool.clock.advance(THRESHOLD / 4)
    expect(pool.keeper.stats().leaks).toBe(0)
    await pool.clock.advance(THRESHOLD / 2)
    expect(pool.keeper.stats().leaks).toBe(1)
  })

  test('time in which the whole machine was suspended', async () => {
    const pool = tracked()
    await takeOne(pool)
    pool.clock.wallOffset += 3_600_000
    await pool.clock.advance(THRESHOLD / 2)
    expect(pool.keeper.stats().leaks).toBe(0)
  })

  test('P-153: anything, where nobody asked: then nothing is remembered', async () => {
    const pool = tracked({ leakThresholdMillis: false })
    const capture = vi.spyOn(Error, 'captureStackTrace')
    try {
      await takeOne(pool)
      await pool.clock.advance(100 * THRESHOLD)
      expect(pool.keeper.stats().leaks).toBe(0)
      expect(pool.keeper.explain().connections[0]?.holder).toBeUndefined()
      expect(capture).not.toHaveBeenCalled()
    } finally {
      capture.mockRestore()
    }
  })
})

describe('P-151: with `reclaimLeaks`', () => {
  const policy = { max: 1, reclaimLeaks: true }

  test('its place is free, who waits is served, and a late release is nothing', async () => {
    const pool = tracked(policy)
    const leaked = await takeOne(pool)
    const next = await takeOne(pool)
    expect(pool.clock.now()).toBeLessThan(1.3 * THRESHOLD)
    expect(next).not.toBe(leaked)
    expect(closes(pool)).toEqual({ leak: 1 })
    expect(pool.server.connections).toEqual([next])
    const events = record(pool)
    expect(pool.release(leaked)).toBe(false)
    expect(events).toEqual([])
    expect(pool.keeper.stats()).toMatchObject({ used: 1, useMillis: { count: 1 } })
  })

  test('it is told as released, and as an end of the leak, before it is closed', async () => {
    const pool = tracked(policy)
    const events = record(pool)
    await takeOne(pool)
    await pool.clock.advance(2 * THRESHOLD)
    const types = events.map(({ type }) => type)
    expect(types.filter((type) => ['leaked', 'released', 'leakEnded', 'closed'].includes(type))).toEqual([
      ...['leaked', 'released', 'leakEnded', 'closed'],
    ])
  })

  test('not while a statement is under way on it, and as soon as that is over', async () => {
    const pool = tracked(policy)
    const connection = await takeOne(pool)
    pool.server.answerMillis = 3 * THRESHOLD
    const answered = pool.query(connection).then(() => 'answered')
    await pool.clock.advance(2.5 * THRESHOLD)
    expect(pool.keeper.stats()).toMatchObject({ leaks: 1, used: 1 })
    expect(await pool.clock.until(answered)).toBe('answered')
    await pool.clock.advance(THRESHOLD / 2)
    expect(pool.keeper.stats()).toMatchObject({ leaks: 1, used: 0, closes: { leak: 1 } })
  })

  test('P-152: a return in the same moment leaves one owner', async () => {
    for (const early of [-1, 0, 1]) {
      const pool = tracked(policy)
      const connection = await takeOne(pool)
      let isKept = false
      pool.clock.after(THRESHOLD + 80 + early, () => void (isKept = pool.release(connection)))
      const next = await takeOne(pool)
      expect(next === connection).toBe(isKept)
      expect(pool.keeper.stats()).toMatchObject({ used: 1, useMillis: { count: 1 } })
      expect(pool.server.sockets).toBe(1)
    }
  })

  test('it is refused where nobody says what a leak is', () => {
    expect(() => tracked({ leakThresholdMillis: false, reclaimLeaks: true })).toThrow('`reclaimLeaks` must be false without `leakThresholdMillis`')
  })

  test('nothing is taken back while the policy only observes, and it is counted', async () => {
    const pool = tracked({ ...policy, mode: 'observe' })
    await takeOne(pool)
    await pool.clock.advance(5 * THRESHOLD)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, leaks: 1, observed: { retire: { leak: 1 } } })
  })
})

describe('a caller who gets nothing', () => {
  test('is told who holds the connections, added up by line of code', async () => {
    const pool = tracked({ acquireTimeoutMillis: 500, validationTimeoutMillis: 100 })
    const [two, line] = [take(pool, 2), here()]
    await two
    const [one, other] = [ownedBy('job 7', () => takeOne(pool)), here()]
    await one
    const error = findPoolkeeperError(await failureOf(pool, pool.acquire()))
    // `take` itself asks: what counts is that both are named by one line each.
    expect(error?.holders?.map(({ count, owner }) => ({ count, owner }))).toEqual([
      { count: 2, owner: undefined },
      { count: 1, owner: 'job 7' },
    ])
    expect([line, other]).not.toContain(undefined)
    expect(error?.message).toMatch(/; 2 held since 0\.5 s by \S+:\d+, 1 held since 0\.5 s by job 7 at \S+:\d+\)$/)
  })

  test('is told of others as well, when some places are unknown or too many', async () => {
    const pool = tracked({ leakThresholdMillis: false, acquireTimeoutMillis: 500, validationTimeoutMillis: 100 })
    await takeOne(pool)
    await takeOne(pool)
    pool.keeper.reconfigure({ leakThresholdMillis: THRESHOLD })
    await takeOne(pool)
    const error = findPoolkeeperError(await failureOf(pool, pool.acquire()))
    expect(error?.message).toMatch(/1 held since 0\.5 s by \S+, 2 by others\)$/)
  })

  test('is not told of holders that nobody knows', async () => {
    const pool = tracked({ max: 1, leakThresholdMillis: false, acquireTimeoutMillis: 500, validationTimeoutMillis: 100 })
    await takeOne(pool)
    const error = findPoolkeeperError(await failureOf(pool, pool.acquire()))
    expect(error?.holders).toBeUndefined()
    expect(error?.message).toMatch(/1 waiting\)$/)
  })

  test('while he waits, `explain()` says who he is', async () => {
    const pool = tracked({ max: 1 })
    await takeOne(pool)
    const [waiting, line] = [ownedBy('report', () => pool.acquire()), here()]
    waiting.catch(() => {})
    expect(pool.keeper.explain().waiters).toMatchObject([{ site: line, owner: 'report' }])
  })
})

describe('where nobody listens', () => {
  const warnings = (): string[] => warn.mock.calls.map(([message]) => String(message))

  async function leak(pool: SimulatedPool): Promise<SimulatedConnection> {
    const connection = await takeOne(pool)
    await pool.clock.until(pool.query(connection, 'select 42'))
    return connection
  }

  test('P-155: leaks are warned of by line of code, with their number, once a minute', async () => {
    const pool = tracked({ max: 10 })
    for (let round = 0; round < 5; round++) await leak(pool)
    await pool.clock.advance(2 * THRESHOLD)
    expect(pool.keeper.stats().leaks).toBe(5)
    expect(warnings()).toHaveLength(1)
    expect(warnings()[0]).toMatch(
      /^pool "simulated": a connection acquired by \S+:\d+ has leaked: held for 1\.\d s, 5 held from there now; last statement: select 42$/,
    )
    expect(warn.mock.calls[0]?.[1]).toEqual({ type: 'PoolkeeperWarning', code: 'POOLKEEPER_LEAKED' })
    await pool.clock.advance(60_000)
    await leak(pool)
    await pool.clock.advance(2 * THRESHOLD)
    expect(warnings()).toHaveLength(2)
    expect(warnings()[1]).toContain('(5 times since the last warning)')
  })

  test('P-124: a second release is warned of, with the line that released', async () => {
    const pool = simulatePool()
    const connection = await takeOne(pool)
    pool.release(connection)
    const [released, line] = [pool.release(connection), here()]
    expect(released).toBe(false)
    expect(warnings()).toHaveLength(1)
    expect(warnings()[0]).toContain(`at ${line}`)
  })
})

describe('misuse', () => {
  test('P-124, P-125: is told with the line of code, and changes nothing', async () => {
    const pool = simulatePool({ policy: { maxUses: 1 } })
    const connection = await takeOne(pool)
    const events = record(pool)
    pool.release(connection)
    await pool.clock.advance(10)
    const [again, line] = [pool.release(connection), here()]
    const [foreign, other] = [pool.release({ id: 7 }), here()]
    expect([again, foreign]).toEqual([false, false])
    expect(ofType(events, 'misused')).toMatchObject([
      { misuse: 'releasedTwice', site: line },
      { misuse: 'foreignRelease', site: other, connection: undefined },
    ])
    expect(pool.keeper.stats()).toMatchObject({ used: 0, useMillis: { count: 1 } })
  })

  test('P-126: a statement on a connection that nobody holds is told while leaks are tracked', async () => {
    for (const leakThresholdMillis of [THRESHOLD, false] as const) {
      const pool = tracked({ leakThresholdMillis })
      const events = record(pool)
      const connection = await takeOne(pool)
      pool.release(connection)
      await pool.clock.until(pool.query(connection))
      const misuses = ofType(events, 'misused').map(({ misuse }) => misuse)
      expect(misuses).toEqual(leakThresholdMillis === false ? [] : ['usedAfterRelease'])
    }
  })

  test('is not what the pool did itself: drained under its holder, and released later', async () => {
    const pool = simulatePool()
    const connection = await takeOne(pool)
    const events = record(pool)
    await pool.clock.until(pool.keeper.drain({ timeoutMillis: 0 }))
    expect(pool.release(connection)).toBe(false)
    expect(ofType(events, 'misused')).toEqual([])
  })
})

describe('a waiter', () => {
  test('who is served by a reclaimed place does not wait for his deadline', async () => {
    const pool = tracked({ max: 1, reclaimLeaks: true })
    await takeOne(pool)
    const [waited] = await waits(pool, 1)
    expect(waited).toBeLessThan(1.3 * THRESHOLD)
  })
})
