import { afterEach, describe, expect, test, vi } from 'vitest'
import type { SizingForecast } from '../../sizing/predictive/forecast.ts'
import type { PoolEvent } from '../../events.ts'
import type { PoolPolicyOptions } from '../../policy/options.ts'
import type { SizingHistory } from '../../sizing/history/store.ts'
import type { PredictiveOptions } from '../../sizing/options.ts'
import { decodeHistory } from '../../sizing/predictive/document.ts'
import { historyFrom } from '../../sizing/predictive/from-windows.ts'
import type { LoadWindow } from '../../sizing/predictive/visits.ts'
import { simulatePool, type SimulatedPool } from '../../testing/index.ts'
import { ofType, record, takeOne } from '../../testing/scenario.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const WEEK = 7 * 24 * HOUR
/** A Monday. */
const MONDAY = Date.parse('2026-03-02T00:00:00Z')

/** A store that remembers, and does what it is told to. */
class Memory implements SizingHistory {
  document: string | undefined
  loads = 0
  readonly saved: string[] = []
  onLoad: () => Promise<void> = () => Promise.resolve()
  onSave: () => Promise<void> = () => Promise.resolve()

  constructor(document?: string) {
    this.document = document
  }

  async load(): Promise<string | undefined> {
    this.loads++
    await this.onLoad()
    return this.document
  }

  async save(document: string): Promise<void> {
    this.saved.push(document)
    await this.onSave()
    this.document = document
  }
}

/** Three Mondays: ten connections from twelve to one, and nobody before and after. */
function lunches(): string {
  const windows = function* (): Generator<LoadWindow> {
    for (let week = 3; week > 0; week--) {
      const begin = MONDAY - week * WEEK
      for (let at = begin; at < begin + 24 * HOUR; at += MINUTE) {
        const load = at >= begin + 12 * HOUR && at < begin + 13 * HOUR ? 10 : 0
        yield { at: at + MINUTE, windowMillis: MINUTE, load }
      }
    }
  }
  return historyFrom(windows())
}

const LUNCHES = lunches()

function predictive(history: SizingHistory, policy: PoolPolicyOptions = {}, more: Partial<PredictiveOptions> = {}, hour = 11): SimulatedPool {
  return simulatePool({
    policy: { max: 40, sizing: { predictive: { history, ...more } }, maxLifetimeMillis: false, ...policy },
    wallStart: MONDAY + hour * HOUR,
  })
}

/** So many borrowers come each second, evenly, and hold for so long. */
async function borrow(pool: SimulatedPool, perSecond: number, holdMillis: number, millis: number): Promise<void> {
  const all: Promise<void>[] = []
  const end = pool.clock.now() + millis
  const one = async (): Promise<void> => {
    const connection = await pool.acquire()
    pool.clock.after(holdMillis, () => pool.release(connection))
  }
  const come = (): void => {
    if (pool.clock.now() >= end) return
    all.push(one())
    pool.clock.after(SECOND / perSecond, come)
  }
  come()
  await pool.clock.advance(millis)
  await pool.clock.until(Promise.all(all))
}

function failures(events: readonly PoolEvent[]): string[] {
  return ofType(events, 'historyFailed').map(({ act, error }) => `${act}: ${error.code}: ${error.message}`)
}

function forecastOf({ keeper }: SimulatedPool, horizonMillis = 2 * HOUR): SizingForecast {
  const forecast = keeper.forecast({ horizonMillis })
  if (forecast === undefined) throw new Error('there is none')
  return forecast
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('predictive sizing', () => {
  test('opens ahead of the usual peak in a pool that nobody uses yet, keeps it, and lets it go with the peak', async () => {
    const pool = predictive(new Memory(LUNCHES))
    const events = record(pool)
    await pool.clock.advance(HOUR - 3 * MINUTE - SECOND)
    expect(pool.keeper.stats()).toMatchObject({ min: 0, idle: 0 })
    await pool.clock.advance(3 * MINUTE)
    const { idle, max, min } = pool.keeper.stats()
    expect(min).toBeGreaterThanOrEqual(18)
    expect([idle, max]).toEqual([min, 40])
    await pool.clock.advance(4 * MINUTE)
    expect(pool.keeper.stats().idle).toBe(min)
    await pool.clock.advance(54 * MINUTE)
    // Nobody came today: less is kept for those who may come yet.
    expect(pool.keeper.stats().idle).toBeLessThan(min)
    expect(pool.keeper.stats().idle).toBeGreaterThanOrEqual(8)
    await pool.clock.advance(10 * MINUTE)
    expect(pool.keeper.stats()).toMatchObject({ min: 0, idle: 0 })
    expect(pool.server.alive).toBe(0)
    const sizes = ofType(events, 'resized').map(({ min: each, reason }) => ({ min: each, reason }))
    expect([sizes[0], sizes.at(-1)]).toEqual([{ min, reason: 'predictive' }, { min: 0, reason: 'adaptive' }])
    expect(sizes.length).toBeLessThanOrEqual(6)
    await pool.clock.until(pool.keeper.drain())
    pool.keeper.reconfigure({ sizing: { predictive: { history: new Memory() } } })
    expect(pool.clock.pendingTimers).toBe(0)
  })

  test('that is begun in the middle of a peak opens within seconds what its history asks for', async () => {
    const pool = predictive(new Memory(LUNCHES), {}, {}, 12.5)
    await pool.clock.advance(3 * SECOND)
    expect(pool.keeper.stats().idle).toBeGreaterThanOrEqual(18)
  })

  test('that knows nothing is sized as with `adaptive`, second by second', async () => {
    const [cold, adaptive] = [predictive(new Memory()), simulatePool({ policy: { max: 40, sizing: { adaptive: true }, maxLifetimeMillis: false } })]
    for (const [perSecond, seconds] of [[20, 40], [80, 30], [5, 120]] as const) {
      for (let second = 0; second < seconds; second += 10) {
        for (const pool of [cold, adaptive]) await borrow(pool, perSecond, 200, 10 * SECOND)
        expect(cold.keeper.stats()).toMatchObject({ min: adaptive.keeper.stats().min, max: 40 })
      }
    }
    expect(forecastOf(cold).from).toBe('cold')
  })

  test('keeps no less than the load asks for, where the history expects nothing', async () => {
    const pool = predictive(new Memory(LUNCHES), {}, {}, 9)
    const events = record(pool)
    await borrow(pool, 50, 200, 30 * SECOND)
    expect(pool.keeper.stats().min).toBeGreaterThanOrEqual(14)
    expect(ofType(events, 'resized').at(-1)?.reason).toBe('adaptive')
  })

  test('learns what it sees: the next week opens ahead of it', { timeout: 60_000 }, async () => {
    const memory = new Memory()
    const first = predictive(memory, { maxPending: 1_000 }, {}, 12)
    await borrow(first, 2, 2_500, 25 * MINUTE)
    await first.clock.until(first.keeper.drain())
    expect(memory.saved).toHaveLength(3)
    const { history } = decodeHistory(memory.document, 'UTC')
    expect(history?.slots.filter((slot) => slot !== undefined)).toHaveLength(5)

    const next = predictive(memory, {}, {}, 7 * 24 + 12)
    await next.clock.advance(3 * SECOND)
    expect(next.keeper.stats().idle).toBeGreaterThanOrEqual(10)
  })

  test('leaves alone a database that sleeps at night', async () => {
    const pool = predictive(new Memory(LUNCHES), {}, {}, 1)
    await pool.clock.advance(8 * HOUR)
    expect(pool.server.accepted).toBe(0)
  })

  test('while the policy only observes, is told and not done, and learns all the same', async () => {
    const memory = new Memory(LUNCHES)
    const pool = predictive(memory, { mode: 'observe' }, {}, 11.9)
    const events = record(pool)
    await pool.clock.advance(15 * MINUTE)
    const would = ofType(events, 'observed').filter((event) => event.would === 'resize')
    expect(would.at(-1)).toMatchObject({ reason: 'predictive', max: 40 })
    expect(would.at(-1)?.min).toBeGreaterThanOrEqual(18)
    expect(pool.keeper.stats()).toMatchObject({ min: 0, max: 10, idle: 0 })
    expect(memory.saved.length).toBeGreaterThan(0)
    expect(forecastOf(pool).points[0]?.size).toBeGreaterThanOrEqual(18)
  })

  test('a size that somebody asks for by hand sets its bounds anew', async () => {
    const pool = predictive(new Memory(LUNCHES), {}, {}, 12.1)
    await pool.clock.advance(5 * SECOND)
    await pool.keeper.resize({ max: 12 })
    await pool.clock.advance(2 * MINUTE)
    expect(pool.keeper.stats()).toMatchObject({ min: 12, max: 12 })
    await pool.keeper.resize({ max: 50 })
    await pool.clock.advance(2 * MINUTE)
    expect(pool.keeper.stats().min).toBeGreaterThanOrEqual(18)
  })

  test('what was learnt stays when something else of the policy is changed, and another store is read anew', async () => {
    const memory = new Memory(LUNCHES)
    const pool = predictive(memory, {}, {}, 12.1)
    await pool.clock.advance(5 * SECOND)
    pool.keeper.reconfigure({ max: 30 })
    expect(memory.loads).toBe(1)
    await pool.clock.advance(2 * MINUTE)
    expect(pool.keeper.stats().min).toBeGreaterThanOrEqual(18)
    const other = new Memory()
    pool.keeper.reconfigure({ sizing: { predictive: { history: other } } })
    await pool.clock.advance(10 * MINUTE)
    expect([memory.loads, other.loads]).toEqual([1, 1])
    expect(pool.keeper.stats().min).toBe(0)
    pool.keeper.reconfigure({ sizing: false })
    expect(pool.keeper.forecast()).toBeUndefined()
  })

  test('the forecast says what is expected, and where it comes from', async () => {
    const pool = predictive(new Memory(LUNCHES), {}, { confidence: 0.95 }, 11.5)
    expect(forecastOf(pool).from).toBe('cold')
    await pool.clock.advance(SECOND)
    const { points, ...now } = forecastOf(pool)
    expect(now).toMatchObject({ from: 'learned', timeZone: 'UTC', confidence: 0.95, today: 1, load: 0, adaptive: 0, size: 0 })
    expect(points.find(({ at }) => at === MONDAY + 12 * HOUR)).toMatchObject({ weeks: 3, expected: 10, from: 'learned' })
    expect(points.at(-1)?.expected).toBe(0)
    expect(simulatePool({ policy: { sizing: { adaptive: true } } }).keeper.forecast()).toBeUndefined()
  })
})

describe('the store of the history', () => {
  test('is asked in the background, about every ten minutes and at the end, and only when there is something new', async () => {
    const memory = new Memory()
    const pool = predictive(memory)
    await pool.clock.advance(31 * MINUTE)
    expect([memory.loads, memory.saved.length]).toEqual([1, 3])
    await pool.clock.until(pool.keeper.drain())
    await pool.clock.until(pool.keeper.drain())
    expect(memory.saved).toHaveLength(4)
    await pool.clock.advance(HOUR)
    expect(memory.saved).toHaveLength(4)
  })

  test('that hangs holds nobody up, not even the end of the pool', async () => {
    const memory = new Memory(LUNCHES)
    memory.onSave = () => new Promise(() => {})
    const pool = predictive(memory)
    const events = record(pool)
    await pool.clock.advance(12 * MINUTE)
    expect(failures(events)).toEqual(['save: HISTORY_FAILED: the history of sizing could not be saved: the store did not answer within 30000 ms'])
    const before = pool.clock.now()
    await pool.clock.until(pool.keeper.drain())
    expect(pool.clock.now() - before).toBeLessThan(SECOND)
  })

  test('that cannot be read now is asked again, and what was learnt meanwhile is not lost, nor written over it', { timeout: 60_000 }, async () => {
    const memory = new Memory(LUNCHES)
    memory.onLoad = () => Promise.reject(new Error('no route to host'))
    const pool = predictive(memory, {}, {}, 10)
    const events = record(pool)
    await borrow(pool, 1, 4_000, 12 * MINUTE)
    expect(failures(events)[0]).toBe('load: HISTORY_FAILED: the history of sizing could not be read: no route to host')
    expect(memory.saved).toEqual([])
    memory.onLoad = () => Promise.resolve()
    await pool.clock.advance(30 * MINUTE)
    const { history } = decodeHistory(memory.saved.at(-1), 'UTC')
    expect(history?.slots[10 * 12]?.weeks).toBe(4)
    expect(history?.slots[10 * 12]?.level).toBeCloseTo(0.3 * 4, 1)
    expect(history?.slots[12 * 12]).toMatchObject({ weeks: 3, level: 10 })
  })

  test.each<[string, string, string]>([
    ['was torn', LUNCHES.slice(0, 5_000), 'no history, or a part of one'],
    ['is of another zone', LUNCHES.replace('UTC', 'Asia/Tokyo'), 'of the time zone Asia/Tokyo'],
    ['has impossible numbers', LUNCHES.replace('[0,', '[-1,'), 'numbers in it that cannot be'],
  ])('whose text %s is reported, the pool begins cold, and writes it anew', async (_, document, why) => {
    const memory = new Memory(document)
    const pool = predictive(memory, {}, {}, 12)
    const events = record(pool)
    await pool.clock.advance(12 * MINUTE)
    expect(failures(events)).toEqual([expect.stringContaining(why)])
    expect(pool.keeper.stats()).toMatchObject({ min: 0, max: 40, idle: 0 })
    expect(decodeHistory(memory.saved.at(-1), 'UTC').history).toBeDefined()
    expect(await takeOne(pool)).toBeDefined()
  })

  test('that a later version has written to is left as it is', async () => {
    const later = LUNCHES.replace('"version":1', '"version":2')
    const memory = new Memory(later)
    const pool = predictive(memory, {}, {}, 12)
    const events = record(pool)
    await pool.clock.advance(40 * MINUTE)
    await pool.clock.until(pool.keeper.drain())
    expect(failures(events)).toEqual([expect.stringContaining('of version 2, and this is version 1')])
    expect([memory.saved, memory.document]).toEqual([[], later])
  })

  test('that throws where it should reject, with nobody listening, is a warning of the process', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const memory = new Memory()
    memory.load = () => {
      throw new Error('not connected')
    }
    const pool = predictive(memory)
    await pool.clock.advance(SECOND)
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0]?.[0]).toContain('the history of sizing could not be read: not connected')
  })

  test('a save that fails is told, and tried again with what is new by then', async () => {
    const memory = new Memory()
    memory.onSave = () => Promise.reject(new Error('disk full'))
    const pool = predictive(memory)
    const events = record(pool)
    await pool.clock.advance(11 * MINUTE)
    expect(failures(events)).toEqual(['save: HISTORY_FAILED: the history of sizing could not be saved: disk full'])
    memory.onSave = () => Promise.resolve()
    await pool.clock.advance(10 * MINUTE)
    expect(decodeHistory(memory.document, 'UTC').history?.slots[11 * 12]?.weeks).toBe(1)
  })

  test('is not shown with the policy: whatever it holds may hold a password', () => {
    const history = Object.assign(new Memory(), { password: 'hunter2' })
    const { policy } = predictive(history).keeper
    expect(JSON.stringify(policy.sizing)).not.toContain('hunter2')
    expect(Object.isFrozen(policy.sizing)).toBe(true)
  })
})

describe('a policy', () => {
  const history = new Memory()
  test.each<[string, unknown, string, string]>([
    ['without a store', {}, 'sizing.predictive.history', 'a store with load() and save()'],
    ['with a path in the place of a store', { history: '/tmp/history' }, 'sizing.predictive.history', 'a store with load() and save()'],
    ['with half a store', { history: { load: () => {} } }, 'sizing.predictive.history', 'a store with load() and save()'],
    ['with an unknown part', { history, weeks: 3 }, 'sizing.predictive.weeks', 'one of history'],
    ['with a zone that is none', { history, timeZone: 'Mars/Olympus' }, 'sizing.predictive.timeZone', 'a time zone'],
    ['with a lead that is too long', { history, leadMillis: 3_600_001 }, 'sizing.predictive.leadMillis', 'an integer from 0 to 3600000'],
    ['with a certainty that is none', { history, confidence: 1 }, 'sizing.predictive.confidence', 'a number from 0.5 to 0.999'],
    ['with a share that is none', { history, waitProbability: 0 }, 'sizing.predictive.waitProbability', 'a number from 0.001 to 0.5'],
    ['with no cool-down', { history, cooldownMillis: 0 }, 'sizing.predictive.cooldownMillis', 'an integer from 1000'],
    ['with something else', true, 'sizing.predictive', 'an object'],
  ])('%s is refused, by name', (_, given, option, bound) => {
    const policy = { sizing: { predictive: given } } as unknown as PoolPolicyOptions
    expect(() => simulatePool({ policy })).toThrow(
      expect.objectContaining({
        code: 'INVALID_POLICY',
        invalid: expect.objectContaining({ option, bound: expect.stringContaining(bound) as string }) as object,
      }),
    )
  })

  test.each([{ adaptive: true }, { schedule: [] }, { leadMillis: 5 }])('with %o beside is refused, by name', (beside) => {
    const policy = { sizing: { predictive: { history }, ...beside } } as unknown as PoolPolicyOptions
    expect(() => simulatePool({ policy })).toThrow('must be left out beside')
  })
})
