import { describe, expect, test } from 'vitest'
import { allDrained, allExplained, allHealth, allStats } from './views.ts'
import type { PoolHealth } from '../lending/operating/health.ts'
import type { PoolStats } from '../stats.ts'

const NONE = allStats('none', [])
const NO_COUNTS = { used: 0, idle: 0, validating: 0, opening: 0, closing: 0, pending: 0 }

describe('the figures of a cluster', () => {
  test('are all there, and 0, when it has no nodes', () => {
    expect(NONE).toMatchObject({ name: 'none', max: 0, used: 0, acquires: { ok: 0 }, closes: { idle: 0 }, circuit: 'closed' })
    expect(NONE.waitMillis).toEqual({ count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 })
  })

  test('are the sums of those of its nodes', () => {
    const node: PoolStats = {
      ...NONE,
      max: 10,
      used: 2,
      acquires: { ok: 5, timedOut: 1, aborted: 0, refused: 0, failed: 0 },
      closes: { ...NONE.closes, idle: 3 },
      observed: { ...NONE.observed, validate: 4 },
    }
    expect(allStats('both', [node, { ...node, used: 1 }])).toMatchObject({
      max: 20,
      used: 3,
      acquires: { ok: 10, timedOut: 2 },
      closes: { idle: 6, fatal: 0 },
      observed: { validate: 8 },
    })
  })

  test('of durations: a mean of all, and quantiles that no node exceeds', () => {
    const fast = { count: 3, mean: 1, p50: 1, p90: 1, p99: 1, p999: 1, max: 2 }
    const slow = { count: 1, mean: 9, p50: 9, p90: 9, p99: 9, p999: 9, max: 9 }
    const nodes = [fast, slow].map((waitMillis): PoolStats => ({ ...NONE, waitMillis }))
    expect(allStats('both', nodes).waitMillis).toEqual({ count: 4, mean: 3, p50: 9, p90: 9, p99: 9, p999: 9, max: 9 })
  })

  test('show the worst circuit', () => {
    const nodes = (['closed', 'open', 'halfOpen'] as const).map((circuit): PoolStats => ({ ...NONE, circuit }))
    expect(allStats('all', nodes).circuit).toBe('open')
  })
})

describe('the health of a cluster', () => {
  const up: PoolHealth = { status: 'up', reasons: [], counts: { ...NO_COUNTS, idle: 1 } }
  const down: PoolHealth = { status: 'down', reasons: ['the pool is paused'], counts: NO_COUNTS }
  const healthOf = (...nodes: readonly PoolHealth[]): PoolHealth =>
    allHealth(new Map(nodes.map((node, index) => [`node ${index}`, node])))

  test.each([
    { nodes: [up, up], status: 'up' },
    { nodes: [up, down], status: 'degraded' },
    { nodes: [down, down], status: 'down' },
    { nodes: [], status: 'down' },
  ])('is $status for $nodes.length nodes', ({ nodes, status }) => {
    expect(healthOf(...nodes).status).toBe(status)
  })

  test('names the node that is not well', () => {
    expect(healthOf(up, down)).toMatchObject({ reasons: ['node 1: the pool is paused'], counts: { idle: 1 } })
  })
})

test('the callers of all nodes are explained together, the oldest first', () => {
  const connecting = { circuit: 'closed', failures: 1, lastError: undefined, pauseMillis: 0 } as const
  const nodes = [10, 30].map((waitedMillis) => ({ connecting, connections: [], waiters: [{ waitedMillis, why: 'busy', site: undefined, owner: undefined }] }))
  const { waiters } = allExplained(nodes)
  expect(waiters.map(({ waitedMillis }) => waitedMillis)).toEqual([30, 10])
})

test('a drain is as long as its longest, and clean when all are', () => {
  const clean = { clean: true, durationMillis: 5, rejectedWaiters: 1, blockers: [] }
  const blocked = { clean: false, durationMillis: 9, rejectedWaiters: 2, blockers: [{ connection: 1, heldMillis: 9, site: undefined, owner: undefined }] }
  expect(allDrained([clean, blocked])).toMatchObject({ clean: false, durationMillis: 9, rejectedWaiters: 3, blockers: blocked.blockers })
})
