import { afterEach, describe, expect, test, vi } from 'vitest'
import type { PoolPolicyOptions } from '../../policy/options.ts'
import type { SizingObservation } from '../../sizing/observation.ts'
import type { PoolSize, SizingFunction } from '../../sizing/options.ts'
import { simulatePool, type SimulatedPool } from '../../testing/index.ts'
import { askers, closes, ofType, record, use } from '../../testing/scenario.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/** So many borrowers come each second, evenly, and hold for so long. */
async function borrow(pool: SimulatedPool, perSecond: number, holdMillis: number | (() => number), millis: number): Promise<number[]> {
  const waits: number[] = []
  const one = async (): Promise<void> => {
    const since = pool.clock.now()
    const connection = await pool.acquire()
    waits.push(pool.clock.now() - since)
    pool.clock.after(typeof holdMillis === 'number' ? holdMillis : holdMillis(), () => pool.release(connection))
  }
  const all: Promise<void>[] = []
  const end = pool.clock.now() + millis
  const come = (): void => {
    if (pool.clock.now() >= end) return
    all.push(one())
    pool.clock.after(SECOND / perSecond, come)
  }
  come()
  await pool.clock.advance(millis)
  await pool.clock.until(Promise.all(all))
  return waits
}

function adaptive(policy: PoolPolicyOptions = {}): SimulatedPool {
  return simulatePool({ policy: { max: 40, sizing: { adaptive: true }, maxLifetimeMillis: false, ...policy } })
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('adaptive sizing', () => {
  test('keeps as many open as the load asks for, and tells of it', async () => {
    const pool = adaptive()
    const events = record(pool)
    await borrow(pool, 50, 200, 20 * SECOND)
    const { min, max } = pool.keeper.stats()
    expect(min).toBeGreaterThanOrEqual(14)
    expect(min).toBeLessThanOrEqual(20)
    expect(max).toBe(40)
    expect(new Set(ofType(events, 'resized').map(({ reason }) => reason))).toEqual(new Set(['adaptive']))
    const { idle, used } = pool.keeper.stats()
    expect(idle + used).toBeGreaterThanOrEqual(min)
  })

  test('opens ahead of those who come next', async () => {
    const pool = adaptive({ idleTimeoutMillis: 2 * SECOND })
    await borrow(pool, 50, 200, 20 * SECOND)
    await pool.clock.advance(20 * SECOND)
    expect(pool.keeper.stats().used).toBe(0)
    // A check of one round trip, and no connect.
    expect(await pool.clock.until(askers(pool, 14, 100))).toEqual(Array<number>(14).fill(1))
  })

  test('lets a database sleep when nobody comes any more', async () => {
    const pool = adaptive()
    await borrow(pool, 50, 200, 20 * SECOND)
    await pool.clock.advance(30 * MINUTE)
    expect(pool.keeper.stats()).toMatchObject({ min: 0, idle: 0, used: 0 })
    expect(pool.server.alive).toBe(0)
    expect(pool.clock.pendingTimers).toBe(0)
  })

  test('shrinks on a host that lends the coldest connection first as well: what it does not keep is closed', async () => {
    const pool = adaptive({ idleTimeoutMillis: false })
    await borrow(pool, 100, 200, 20 * SECOND)
    const most = pool.server.alive
    await borrow(pool, 5, 200, 6 * MINUTE)
    expect(pool.server.alive).toBeLessThan(most / 2)
    expect(closes(pool)).toEqual({ shrink: most - pool.server.alive })
  })

  test('on a server that is saturated keeps to fewer connections, and says so', { timeout: 60_000 }, async () => {
    const pool = adaptive()
    const events = record(pool)
    const knee = 8
    const shared = (): number => 100 * Math.max(1, pool.keeper.stats().used / knee)
    await borrow(pool, 40, shared, 20 * SECOND)
    await borrow(pool, 100, shared, 60 * SECOND)
    const reasons = ofType(events, 'resized').map(({ reason }) => reason)
    expect(reasons).toContain('saturated')
    const limits = ofType(events, 'resized').map(({ max }) => max)
    expect(Math.min(...limits)).toBeLessThanOrEqual(20)
    expect(Math.min(...limits)).toBeGreaterThanOrEqual(knee)
  })

  test('a size that somebody asks for by hand sets its bounds anew', async () => {
    const pool = adaptive()
    await borrow(pool, 50, 200, 10 * SECOND)
    await pool.keeper.resize({ max: 12 })
    expect(pool.keeper.stats().max).toBe(12)
    await borrow(pool, 50, 200, 10 * SECOND)
    expect(pool.keeper.stats()).toMatchObject({ min: 12, max: 12 })
    await pool.keeper.resize({ max: 30 })
    await borrow(pool, 50, 200, 10 * SECOND)
    expect(pool.keeper.stats().max).toBe(30)
  })

  test('what it knows of the load holds on when something else of the policy is changed', async () => {
    const pool = adaptive()
    await borrow(pool, 50, 200, 10 * SECOND)
    const { min } = pool.keeper.stats()
    const events = record(pool)
    pool.keeper.reconfigure({ maxUses: 1_000 })
    expect(pool.keeper.policy).toMatchObject({ min, max: 40, maxUses: 1_000 })
    expect(ofType(events, 'resized')).toEqual([])
    pool.keeper.reconfigure({ max: 20 })
    expect(pool.keeper.policy).toMatchObject({ min: 0, max: 20 })
  })

  test('a size that cannot be changes nothing of it', async () => {
    const pool = adaptive()
    await borrow(pool, 50, 200, 10 * SECOND)
    const { min, max } = pool.keeper.stats()
    await expect(pool.keeper.resize({ max: 0 })).rejects.toMatchObject({ code: 'INVALID_POLICY' })
    expect(pool.keeper.stats()).toMatchObject({ min, max })
  })

  test('while the policy only observes, is told and counted, and not done', async () => {
    const pool = adaptive({ mode: 'observe' })
    const events = record(pool)
    await borrow(pool, 40, 200, 10 * SECOND)
    expect(pool.keeper.stats()).toMatchObject({ min: 0, max: 10 })
    const would = ofType(events, 'observed').filter((event) => event.would === 'resize')
    expect(would.length).toBe(pool.keeper.stats().observed.resize)
    expect(would.at(-1)).toMatchObject({ reason: 'adaptive', max: 40 })
    expect(ofType(events, 'resized')).toEqual([])
  })

  test.each<[string, unknown, string]>([
    ['an unknown part', { waits: 1 }, 'sizing.adaptive.waits'],
    ['a share that is none', { waitProbability: 1 }, 'sizing.adaptive.waitProbability'],
    ['no cool-down', { cooldownMillis: 0 }, 'sizing.adaptive.cooldownMillis'],
    ['something else', 'fast', 'sizing.adaptive'],
  ])('with %s is refused, by name', (_, given, option) => {
    const policy = { sizing: { adaptive: given } } as unknown as PoolPolicyOptions
    expect(() => simulatePool({ policy })).toThrow(expect.objectContaining({ code: 'INVALID_POLICY', invalid: expect.objectContaining({ option }) as object }))
  })

  test('beside a schedule is refused, by name', () => {
    const policy = { sizing: { adaptive: true, schedule: [] } } as unknown as PoolPolicyOptions
    expect(() => simulatePool({ policy })).toThrow('`sizing.schedule` must be left out beside `sizing.adaptive`')
  })
})

describe('a function', () => {
  function sizedBy(sizing: SizingFunction, policy: PoolPolicyOptions = {}): SimulatedPool {
    return simulatePool({ policy: { sizing, ...policy } })
  }

  test('is asked about once a second while the pool is in use, and its answer holds', async () => {
    const seen: SizingObservation[] = []
    const pool = sizedBy((observation) => {
      seen.push(observation)
      return { min: 3, max: 25 }
    })
    await borrow(pool, 20, 100, 10 * SECOND)
    expect(seen.length).toBeGreaterThanOrEqual(9)
    expect(seen.length).toBeLessThanOrEqual(11)
    expect(seen.at(-1)).toMatchObject({ arrivalsPerSecond: 20, servedPerSecond: 20, bounds: { min: 0, max: 100_000 }, size: { min: 3, max: 25 } })
    expect(seen.at(-1)?.load).toBeCloseTo(2, 6)
    expect(pool.keeper.stats()).toMatchObject({ min: 3, max: 25 })
  })

  test('stays within what the policy names', async () => {
    const seen: PoolSize[] = []
    const pool = sizedBy(({ bounds }) => (seen.push(bounds), bounds), { min: 1, max: 7 })
    await borrow(pool, 20, 100, 2 * SECOND)
    expect(seen[0]).toEqual({ min: 1, max: 7 })
  })

  test.each<[string, () => unknown, string]>([
    ['throws', () => { throw new Error('no idea') }, 'no idea'],
    ['answers nothing', () => undefined, '`sizing()` must be an object with min and max'],
    ['answers a promise', () => Promise.reject(new Error('later')), 'no promise'],
    ['answers no number', () => ({ min: 0, max: NaN }), '`sizing().max` must be an integer'],
    ['answers min above max', () => ({ min: 5, max: 4 }), '`sizing().min` must be at most `sizing().max` (4)'],
    ['goes beyond the policy', () => ({ min: 0, max: 11 }), '`sizing().max` must be at most `max` (10)'],
  ])('that %s leaves the size as it is, costs nobody anything, and is reported', async (_, answer, message) => {
    const pool = sizedBy(answer as SizingFunction, { max: 10 })
    const events = record(pool)
    const waits = await borrow(pool, 20, 100, 5 * SECOND)
    expect(waits).toHaveLength(100)
    expect(pool.keeper.stats()).toMatchObject({ min: 0, max: 10 })
    expect(String(ofType(events, 'sizingFailed')[0]?.error)).toContain(message)
  })

  test('that fails where nobody listens is a warning of the process', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const pool = sizedBy(() => {
      throw new Error('no idea')
    })
    await borrow(pool, 20, 100, 5 * SECOND)
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0]?.[0]).toContain('no idea')
  })

  test('resizing under load loses no waiter', async () => {
    let grows = false
    const pool = sizedBy(() => {
      grows = !grows
      return grows ? { min: 8, max: 8 } : { min: 0, max: 1 }
    })
    const waits = await borrow(pool, 60, 30, MINUTE)
    expect(waits.length).toBeGreaterThanOrEqual(60 * 60)
    expect(pool.keeper.stats().acquires).toMatchObject({ ok: waits.length, timedOut: 0, refused: 0, failed: 0 })
    await use(pool)
  })
})
