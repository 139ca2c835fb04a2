import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { EVENT_TYPES } from '../events.ts'
import { forgetKeeper, registerKeeper } from '../registry.ts'
import { simulatePool, VirtualClock, type SimulatedPool, type SimulatedPoolOptions } from '../testing/index.ts'
import { logPools, type LogPoolsOptions, type PoolLogLine } from './log-pools.ts'
import { TEXTS } from './texts.ts'

const hosts: object[] = []

afterEach(() => {
  for (const host of hosts.splice(0)) forgetKeeper(host)
})

function attended(options: SimulatedPoolOptions = {}): SimulatedPool {
  const pool = simulatePool(options)
  const host = {}
  hosts.push(host)
  registerKeeper(host, pool.keeper, {})
  return pool
}

function logged(options: LogPoolsOptions = {}): { lines: PoolLogLine[]; clock: VirtualClock } {
  const lines: PoolLogLine[] = []
  const clock = new VirtualClock()
  onTestFinished(logPools((line) => void lines.push(line), { clock, ...options }))
  return { lines, clock }
}

/** A caller that waits in vain. */
async function timeOut({ acquire, clock }: SimulatedPool): Promise<void> {
  const waiting = acquire().catch(() => undefined)
  await clock.advance(1_000)
  await waiting
}

const FULL: SimulatedPoolOptions = { policy: { name: 'orders', max: 1, acquireTimeoutMillis: 1_000 } }

describe('a line', () => {
  test('says to which pool what happened, what it holds, why, and what to do', async () => {
    const { lines } = logged()
    const pool = attended(FULL)
    await pool.clock.until(pool.acquire())
    await timeOut(pool)
    expect(lines).toHaveLength(1)
    const [{ facts, level, text }] = lines as [PoolLogLine]
    expect(level).toBe('error')
    expect(text).toMatch(/^pool "orders": a caller got no connection after 1\.0 s \(POOL_EXHAUSTED\) \| 1 used, 0 idle, .* of at most 1; /)
    expect(text).toContain(' | cause: ')
    expect(text).toContain(' | to do: look for slow queries and for connections that are not given back')
    expect(facts).toMatchObject({ pool: 'orders', event: 'acquireFailed', counts: { used: 1, max: 1 }, silenced: 0 })
    expect(facts.err).toMatchObject({ code: 'POOL_EXHAUSTED' })
  })

  test('of a leak names the line of code that acquired the connection', async () => {
    const { lines } = logged()
    const pool = attended({ policy: { leakThresholdMillis: 1_000 } })
    await pool.clock.until(pool.acquire())
    await pool.clock.advance(5_000)
    expect(lines.map(({ text }) => text)).toEqual([
      expect.stringMatching(/has been held for .* s, acquired at .*log-pools\.test\.ts:\d+ \| .* \| to do: release it in a finally there/),
    ])
  })

  test('is not written for what happens at every checkout, and nobody is asked to make those events', async () => {
    const { lines } = logged()
    const pool = attended()
    pool.release(await pool.clock.until(pool.acquire()))
    expect(lines).toEqual([])
    for (const type of ['acquired', 'released', 'opened', 'validated', 'retired', 'closed'] as const) expect(TEXTS[type]).toBeUndefined()
  })

  test('of an unknown pool, or one of several of its name, has no counts', async () => {
    const { lines } = logged()
    const pool = simulatePool(FULL)
    await pool.clock.until(pool.acquire())
    await timeOut(pool)
    attended(FULL)
    const other = attended({ policy: { ...FULL.policy, max: 2 } })
    other.keeper.pause()
    expect(lines.map(({ facts }) => facts.counts)).toEqual([undefined, undefined])
  })
})

describe('many of a kind', () => {
  test('are one line, and one more at the end of the quiet time that counts them', async () => {
    const { lines, clock } = logged({ quietMillis: 60_000 })
    const pool = attended(FULL)
    await pool.clock.until(pool.acquire())
    for (let caller = 0; caller < 20; caller++) await timeOut(pool)
    expect(lines).toHaveLength(1)
    await clock.advance(60_000)
    expect(lines.map(({ facts }) => facts.silenced)).toEqual([0, 18])
    expect(lines[1]?.text).toContain('18 more like it since the last line')
    await clock.advance(600_000)
    expect(lines).toHaveLength(2)
    await timeOut(pool)
    expect(lines).toHaveLength(3)
  })

  test('of another pool are another kind', async () => {
    const { lines } = logged()
    for (const name of ['orders', 'audit']) {
      const pool = attended({ policy: { ...FULL.policy, name } })
      await pool.clock.until(pool.acquire())
      await timeOut(pool)
      await timeOut(pool)
    }
    expect(lines.map(({ facts }) => facts.pool)).toEqual(['orders', 'audit'])
  })
})

test('a logger as pino’s gets the facts first, then the text, at the level of the event', async () => {
  const told: unknown[] = []
  const at = (level: string) => (facts: object, text: string) => void told.push([level, facts, text])
  onTestFinished(logPools({ info: at('info'), warn: at('warn'), error: at('error') }))
  const { keeper } = attended({ policy: { name: 'orders' } })
  keeper.pause()
  expect(told).toEqual([['info', expect.objectContaining({ pool: 'orders', event: 'paused' }), expect.stringContaining('paused; callers wait')]])
})

test('what is below the level is not written', () => {
  const { lines } = logged({ level: 'warn' })
  attended().keeper.pause()
  expect(lines).toEqual([])
})

describe('a logger that fails', () => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)

  test.each([
    {
      how: 'throws',
      logger: (): never => {
        throw new Error('disk full')
      },
    },
    { how: 'rejects', logger: () => Promise.reject(new Error('disk full')) },
    { how: 'never answers', logger: () => new Promise(() => {}) },
  ])('and $how changes nothing for anybody', async ({ logger }) => {
    process.on('unhandledRejection', note)
    process.on('uncaughtException', note)
    onTestFinished(() => {
      process.off('unhandledRejection', note)
      process.off('uncaughtException', note)
    })
    onTestFinished(logPools(logger, { clock: new VirtualClock() }))
    const pool = attended(FULL)
    const held = await pool.clock.until(pool.acquire())
    await timeOut(pool)
    pool.release(held)
    expect(await pool.clock.until(pool.acquire())).toBe(held)
    expect(pool.keeper.stats().acquires).toMatchObject({ ok: 2, timedOut: 1 })
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  })

  test('because it uses the pool that it tells of is not asked again and again', async () => {
    const pool = attended(FULL)
    let asked = 0
    onTestFinished(logPools(() => (asked++, pool.acquire().catch(() => undefined)), { clock: new VirtualClock() }))
    await pool.clock.until(pool.acquire())
    await timeOut(pool)
    await pool.clock.advance(5_000)
    expect(asked).toBe(1)
  })
})

test('ended, it hears nothing more', () => {
  const lines: unknown[] = []
  logPools((line) => void lines.push(line))()
  attended().keeper.pause()
  expect(lines).toEqual([])
})

test('every event that has a text is an event', () => {
  for (const type of Object.keys(TEXTS)) expect(EVENT_TYPES).toContain(type)
})
