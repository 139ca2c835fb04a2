import { describe, expect, test } from 'vitest'
import type { PoolPolicyOptions } from '@poolkeeper/core'
import { figuresOf, secondsToAbsorb } from './figures.ts'
import { percentile } from './percentile.ts'
import { exponential, logNormal, randomFrom } from './random.ts'
import { renderPlot, renderTable, topOf } from './render.ts'
import { replay, stepsOf, type Replay, type Step } from './replay.ts'
import type { Arrival, Trace } from './trace.ts'

const MINUTE = 60_000

function run(trace: Trace, policy: PoolPolicyOptions, serverConcurrency = Infinity): Promise<Replay> {
  return replay(trace, { policy, connectMillis: 20, serverConcurrency, stepMillis: MINUTE })
}

function traceOf(arrivals: readonly (readonly [atMillis: number, holdMillis: number])[], startedAt = 0): Trace {
  return { startedAt, arrivals: arrivals.map(([atMillis, holdMillis]) => ({ atMillis, holdMillis })) }
}

const step = (inUse: number, connections: number): Step => ({ inUse, connections, p99Millis: 0, worstMillis: 0 })

/** Quiet, then a crowd for two minutes, then quiet again. */
function crowd(seed: number): Trace {
  const random = randomFrom(seed)
  const arrivals: Arrival[] = []
  for (let atMillis = 0; atMillis < 6 * MINUTE; ) {
    const perSecond = atMillis > 2 * MINUTE && atMillis < 4 * MINUTE ? 60 : 5
    atMillis += exponential(random, 1_000 / perSecond)
    arrivals.push({ atMillis, holdMillis: logNormal(random, 200, 0.5) })
  }
  return { startedAt: 0, arrivals }
}

describe('a replay', { timeout: 60_000 }, () => {
  test('counts waits, connections and their time', async () => {
    const result = await run(traceOf([[0, 100], [10, 100], [20, 100], [500, 100]]), { max: 2 })
    // Two connects of 20 ms, and one who is served when the first comes back; the last is checked after its rest.
    expect(result.waitsMillis.map((wait) => Math.round(wait))).toEqual([0, 20, 20, 100])
    expect(result).toMatchObject({ callers: 4, failed: {}, opened: 2, mostConnections: 2 })
    expect(result.connectionHours * 3_600_000).toBeCloseTo(2 * 600 - 20 - 30, 6)
  })

  test('is the same every time', async () => {
    const policy = { max: 40, sizing: { adaptive: true } } as const
    expect(await run(crowd(7), policy)).toEqual(await run(crowd(7), policy))
  })

  test('counts who left without a connection, by code', async () => {
    const result = await run(traceOf([[0, 1_000], [1, 10], [2, 10]]), { max: 1, maxPending: 1 })
    expect(result.failed).toEqual({ POOL_EXHAUSTED: 1 })
    expect(result.callers).toBe(3)
  })

  test('a schedule goes by the dates of the trace', async () => {
    const schedule = [
      { cron: '0 8 * * *', timeZone: 'UTC', min: 3, max: 5 },
      { cron: '0 9 * * *', timeZone: 'UTC', min: 1, max: 1 },
    ]
    const result = await run(traceOf([[0, 10], [2 * MINUTE, 10]], Date.parse('2026-11-23T08:59:00Z')), { sizing: { schedule, leadMillis: 0 } })
    // The size that it begins with is no change.
    expect(result.resized).toEqual({ schedule: 1 })
    expect(result.steps.slice(0, 2).map(({ connections }) => Math.round(connections))).toEqual([3, 1])
  })

  test('a server that shares itself out takes longer, for as many as it is too small', async () => {
    const arrivals = traceOf([[0, 100], [0, 100], [0, 100], [0, 100]])
    const [free, shared] = [await run(arrivals, { max: 4 }), await run(arrivals, { max: 4 }, 2)]
    expect(free.millis).toBe(120)
    expect(shared.millis).toBe(220)
  })

  test('adaptive sizing is ready for the next crowd while it is there, and takes fewer connections over the time than a fixed pool', async () => {
    const [fixed, adaptive] = [await run(crowd(3), { min: 30, max: 30 }), await run(crowd(3), { max: 30, sizing: { adaptive: true } })]
    expect(adaptive.connectionHours).toBeLessThan(0.6 * fixed.connectionHours)
    expect(percentile(adaptive.waitsMillis, 99)).toBeLessThanOrEqual(percentile(fixed.waitsMillis, 99) + 15)
    expect(adaptive.failed).toEqual({})
  })

  test('a policy that cannot be is refused', async () => {
    await expect(run(traceOf([[0, 1]]), { max: 0 })).rejects.toMatchObject({ code: 'INVALID_POLICY' })
  })
})

describe('figures', () => {
  const empty: Replay = {
    millis: 0, callers: 0, failed: {}, waitsMillis: [], waitedShare: 0, connectionHours: 0,
    mostConnections: 0, opened: 0, resized: {}, steps: [], worstBySecond: [],
  }

  test('percentiles are values that occurred', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
    expect([50, 99, 99.9, 100].map((percent) => percentile(hundred, percent))).toEqual([50, 99, 100, 100])
    expect(percentile([], 50)).toBe(0)
  })

  test('a crowd is absorbed when for ten seconds nobody waits longer than for a connect', () => {
    const worstBySecond = [0, 0, 900, 400, 60, 20, 70, ...Array<number>(20).fill(20)]
    expect(secondsToAbsorb({ ...empty, worstBySecond }, { from: 2_000, to: 9_000 })).toBe(5)
    expect(secondsToAbsorb({ ...empty, worstBySecond: Array<number>(30).fill(500) }, { from: 2_000, to: 9_000 })).toBeUndefined()
  })

  test('each step has the waits of those who came in it', () => {
    const waits = [{ at: 0, millis: 5 }, { at: 999, millis: 7 }, { at: 2_000, millis: 1 }]
    const parts = [1, 2, 3].map((connections) => ({ connections, inUse: 1 }))
    expect(stepsOf(parts, waits, 1_000)).toEqual([
      { connections: 1, inUse: 1, p99Millis: 7, worstMillis: 7 },
      { connections: 2, inUse: 1, p99Millis: 0, worstMillis: 0 },
      { connections: 3, inUse: 1, p99Millis: 1, worstMillis: 1 },
    ])
  })

  test('a table has one row a policy, and compares with the first', () => {
    const one = figuresOf('fixed', { ...empty, connectionHours: 200, callers: 5 }, undefined)
    const other = figuresOf('adaptive', { ...empty, connectionHours: 50, failed: { DRAINING: 2 }, worstBySecond: [0] }, { from: 0, to: 1 })
    const [, , first, second] = renderTable([one, other]).split('\n')
    expect(first).toMatch(/^fixed +5 +0 .* 200\.0 +100 %/)
    expect(second).toMatch(/^adaptive +0 +2 .* 50\.0 +25 %.* 0 s$/)
  })

  test('a plot shows what is in use, and what is open beside it', () => {
    const figures = figuresOf('fixed', { ...empty, steps: [step(3, 12), step(12, 12)] }, undefined)
    const rows = renderPlot(figures, topOf([figures])).split('\n')
    expect(rows[1]).toBe('   12 ┤░█')
    expect(rows[12]).toBe('    1 ┤██')
  })

  test('a plot of many steps has the mean of some in each column', () => {
    const many = Array.from({ length: 288 }, (_, index) => step(index % 3 === 0 ? 36 : 0, 12))
    const [, top, ...rows] = renderPlot(figuresOf('fixed', { ...empty, steps: many }, undefined), 12).split('\n')
    expect(top).toBe(`   12 ┤${'█'.repeat(96)}`)
    expect(rows.at(-1)).toBe(`    0 └${'─'.repeat(96)}`)
  })
})
