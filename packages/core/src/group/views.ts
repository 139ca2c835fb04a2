import { CLOSE_REASONS, type CloseReason } from '../close-reason.ts'
import type { PoolCounts } from '../counts.ts'
import type { DurationBuckets, DurationSummary } from '../duration-histogram.ts'
import type { DrainReport } from '../keeper.ts'
import type { CircuitStatus } from '../lending/opening/circuit.ts'
import type { PoolExplanation } from '../lending/operating/explain.ts'
import type { PoolHealth } from '../lending/operating/health.ts'
import type { AcquireCounters, ObservedCounters, PoolState, PoolStats, ValidationCounters } from '../stats.ts'

/** The worst first. */
const CIRCUITS: readonly CircuitStatus[] = ['open', 'halfOpen', 'closed']
/** The one that lends most first: a cluster is closed when all of its pools are. */
const STATES: readonly PoolState[] = ['running', 'paused', 'draining', 'closed']
const NO_COUNTS: PoolCounts = { used: 0, idle: 0, validating: 0, opening: 0, closing: 0, pending: 0 }
const NO_ACQUIRES: AcquireCounters = { ok: 0, timedOut: 0, aborted: 0, refused: 0, failed: 0 }
const NO_VALIDATIONS: ValidationCounters = { ok: 0, failed: 0, timedOut: 0, skipped: 0 }
const NO_CLOSES = Object.fromEntries(CLOSE_REASONS.map((reason) => [reason, 0])) as Record<CloseReason, number>
const NO_OBSERVED: ObservedCounters = { validate: 0, retire: NO_CLOSES, restore: 0, refuse: 0, open: 0, resize: 0 }
const NO_DURATIONS: DurationSummary = { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 }

/** The figures of `zero`, each summed over all parts. */
function sums<T extends object>(zero: T, parts: readonly T[]): T {
  const sum = { ...zero } as Record<string, number>
  for (const part of parts as readonly Record<string, number>[]) {
    for (const key of Object.keys(sum)) sum[key] = (sum[key] ?? 0) + (part[key] ?? 0)
  }
  return sum as T
}

/** Every bound is the same in all parts. */
export function allBuckets(boundsMillis: readonly number[], parts: readonly DurationBuckets[]): DurationBuckets {
  const upTo = boundsMillis.map((_bound, index) => parts.reduce((sum, part) => sum + (part.upTo[index] ?? 0), 0))
  return { ...sums({ count: 0, sumMillis: 0 }, parts.map(({ count, sumMillis }) => ({ count, sumMillis }))), upTo }
}

export function allStats(name: string, nodes: readonly PoolStats[]): PoolStats {
  const once = { min: 0, max: 0, leaks: 0, replacements: 0, generation: 0 }
  const states = nodes.map(({ state }) => state)
  return {
    name,
    state: STATES.find((state) => states.includes(state)) ?? 'running',
    ...sums(once, nodes),
    ...sums(NO_COUNTS, nodes),
    circuit: worstCircuit(nodes.map(({ circuit }) => circuit)),
    acquires: sums(NO_ACQUIRES, nodes.map(({ acquires }) => acquires)),
    opens: sums({ ok: 0, failed: 0 }, nodes.map(({ opens }) => opens)),
    validations: sums(NO_VALIDATIONS, nodes.map(({ validations }) => validations)),
    closes: sums(NO_CLOSES, nodes.map(({ closes }) => closes)),
    observed: allObserved(nodes.map(({ observed }) => observed)),
    waitMillis: allDurations(nodes.map(({ waitMillis }) => waitMillis)),
    useMillis: allDurations(nodes.map(({ useMillis }) => useMillis)),
    openMillis: allDurations(nodes.map(({ openMillis }) => openMillis)),
  }
}

function worstCircuit(nodes: readonly CircuitStatus[]): CircuitStatus {
  return CIRCUITS.find((status) => nodes.includes(status)) ?? 'closed'
}

function allObserved(nodes: readonly ObservedCounters[]): ObservedCounters {
  const { retire: _retire, ...once } = NO_OBSERVED
  return { ...sums(once, nodes), retire: sums(NO_CLOSES, nodes.map(({ retire }) => retire)) }
}

/** Quantiles cannot be added up: what no node exceeds, all of them together do not exceed either. */
function allDurations(nodes: readonly DurationSummary[]): DurationSummary {
  const count = nodes.reduce((sum, node) => sum + node.count, 0)
  const total = nodes.reduce((sum, node) => sum + node.count * node.mean, 0)
  const most = (of: keyof DurationSummary): number => Math.max(0, ...nodes.map((node) => node[of]))
  if (count === 0) return NO_DURATIONS
  return {
    count,
    mean: total / count,
    p50: most('p50'),
    p90: most('p90'),
    p99: most('p99'),
    p999: most('p999'),
    max: most('max'),
  }
}

/** Down when all nodes are; degraded when one of them is anything but up. */
export function allHealth(nodes: ReadonlyMap<string, PoolHealth>): PoolHealth {
  const all = [...nodes.values()]
  const isDown = all.length === 0 || all.every(({ status }) => status === 'down')
  const isUp = all.every(({ status }) => status === 'up')
  const reasons = [...nodes].flatMap(([id, { reasons: own }]) => own.map((reason) => `${id}: ${reason}`))
  return {
    status: isDown ? 'down' : isUp ? 'up' : 'degraded',
    reasons: all.length === 0 ? ['the cluster has no nodes'] : reasons,
    counts: sums(NO_COUNTS, all.map(({ counts }) => counts)),
  }
}

export function allExplained(nodes: readonly PoolExplanation[]): PoolExplanation {
  const connecting = nodes.map((node) => node.connecting)
  return {
    connecting: {
      circuit: worstCircuit(connecting.map(({ circuit }) => circuit)),
      failures: Math.max(0, ...connecting.map(({ failures }) => failures)),
      lastError: connecting.find(({ lastError }) => lastError !== undefined)?.lastError,
      pauseMillis: Math.max(0, ...connecting.map(({ pauseMillis }) => pauseMillis)),
    },
    connections: nodes.flatMap(({ connections }) => connections),
    waiters: nodes.flatMap(({ waiters }) => waiters).sort((one, other) => other.waitedMillis - one.waitedMillis),
  }
}

export function allDrained(nodes: readonly DrainReport[]): DrainReport {
  return {
    clean: nodes.every(({ clean }) => clean),
    durationMillis: Math.max(0, ...nodes.map(({ durationMillis }) => durationMillis)),
    rejectedWaiters: nodes.reduce((sum, { rejectedWaiters }) => sum + rejectedWaiters, 0),
    blockers: nodes.flatMap(({ blockers }) => blockers),
  }
}
