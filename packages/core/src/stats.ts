import { CLOSE_REASONS, type CloseReason } from './close-reason.ts'
import { totalOf, type PoolCounts } from './counts.ts'
import type { CircuitStatus } from './lending/opening/circuit.ts'
import { DurationHistogram, type DurationBuckets, type DurationSummary } from './duration-histogram.ts'

export type { DurationBuckets } from './duration-histogram.ts'

/** A pool at one moment, and what happened in it since it was attached. */
export interface PoolStats extends PoolCounts {
  readonly name: string
  readonly state: PoolState
  readonly min: number
  readonly max: number
  /** Callers, by how they left. */
  readonly acquires: Readonly<AcquireCounters>
  /** Attempts to open a connection. */
  readonly opens: { readonly ok: number; readonly failed: number }
  /** Checks, and checkouts without one. */
  readonly validations: Readonly<ValidationCounters>
  /** Connections closed, by reason. */
  readonly closes: Readonly<Record<CloseReason, number>>
  /** Connections held for longer than the leak threshold. */
  readonly leaks: number
  /** Connections opened ahead to take the place of one that was about to retire. */
  readonly replacements: number
  /** With `mode: 'observe'`: what the policy would have done. */
  readonly observed: Readonly<ObservedCounters>
  /** Raised by every incident that made the pool prove its connections again. */
  readonly generation: number
  /** Whether callers may connect: `closed` unless the policy's `circuit` keeps them from it. */
  readonly circuit: CircuitStatus
  /** How long callers waited that got a connection. */
  readonly waitMillis: DurationSummary
  /** How long connections were held. */
  readonly useMillis: DurationSummary
  /** How long it took to open one. */
  readonly openMillis: DurationSummary
}

/**
 * `running`: it lends. `paused`: it will again, after `resume()`. `draining`: it will not, and something
 * of it is still there. `closed`: nothing is.
 */
export type PoolState = 'running' | 'paused' | 'draining' | 'closed'

export function poolStateOf(counts: PoolCounts, isDraining: boolean, isPaused: boolean): PoolState {
  if (isDraining) return totalOf(counts) + counts.pending === 0 ? 'closed' : 'draining'
  return isPaused ? 'paused' : 'running'
}

export interface AcquireCounters {
  /** Got a connection. */
  ok: number
  /** Waited until their deadline. */
  timedOut: number
  /** Left by themselves. */
  aborted: number
  /** Turned away, by a pool that is draining, paused, overfull or deadlocked, whose circuit is open, or by a hook. */
  refused: number
  /** Got an error of its own: the host's, of a failed connect for example, or that of a hook. */
  failed: number
}

export interface ValidationCounters {
  ok: number
  failed: number
  timedOut: number
  /** Checkouts that needed no check: proven recently enough. */
  skipped: number
}

export interface ObservedCounters {
  /** Checks, at a checkout or to keep a connection alive. */
  validate: number
  /** Connections that would have been closed or replaced, by reason; each once. */
  retire: Record<CloseReason, number>
  /** Sessions that would have been rolled back or reset on return. */
  restore: number
  /** Callers that would have been turned away. */
  refuse: number
  /** Connections that would have been opened ahead of demand. */
  open: number
  /** Changes of size. */
  resize: number
}

/** What a pool measures: how long callers waited, connections were held, and connecting took. */
export type DurationKind = 'wait' | 'use' | 'open'

/**
 * Bounds that suit most pools, in milliseconds: from a checkout that had to wait for one query, and a
 * connect on a local network, to the deadlines of callers and of requests.
 */
export const DURATION_BOUNDS_MILLIS: Readonly<Record<DurationKind, readonly number[]>> = Object.freeze({
  wait: Object.freeze([0.5, 1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 30_000]),
  use: Object.freeze([1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 30_000, 60_000]),
  open: Object.freeze([1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000]),
})

function byReason(): Record<CloseReason, number> {
  return Object.fromEntries(CLOSE_REASONS.map((reason) => [reason, 0])) as Record<CloseReason, number>
}

/** Plain numbers, counted where things happen and handed over when somebody asks. */
export class Counters {
  readonly acquires: AcquireCounters = { ok: 0, timedOut: 0, aborted: 0, refused: 0, failed: 0 }
  readonly opens: { ok: number; failed: number } = { ok: 0, failed: 0 }
  readonly validations: ValidationCounters = { ok: 0, failed: 0, timedOut: 0, skipped: 0 }
  readonly closes: Record<CloseReason, number> = byReason()
  readonly observed: ObservedCounters = { validate: 0, retire: byReason(), restore: 0, refuse: 0, open: 0, resize: 0 }
  readonly wait: DurationHistogram = new DurationHistogram()
  readonly use: DurationHistogram = new DurationHistogram()
  readonly open: DurationHistogram = new DurationHistogram()
  leaks = 0
  replacements = 0

  durations(what: DurationKind, boundsMillis: readonly number[]): DurationBuckets {
    return this[what].buckets(boundsMillis)
  }

  snapshot(): Omit<PoolStats, keyof PoolCounts | 'name' | 'state' | 'min' | 'max' | 'generation' | 'circuit'> {
    return {
      acquires: { ...this.acquires },
      opens: { ...this.opens },
      validations: { ...this.validations },
      closes: { ...this.closes },
      observed: { ...this.observed, retire: { ...this.observed.retire } },
      leaks: this.leaks,
      replacements: this.replacements,
      waitMillis: this.wait.summary(),
      useMillis: this.use.summary(),
      openMillis: this.open.summary(),
    }
  }
}
