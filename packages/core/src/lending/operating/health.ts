import type { PoolCounts } from '../../counts.ts'
import type { CircuitStatus } from '../opening/circuit.ts'

/**
 * `up`: callers are served. `degraded`: they are, but wait or risk to. `down`: they are not.
 */
export type HealthStatus = 'up' | 'degraded' | 'down'

/** What a readiness probe needs to know about a pool, and a person who reads it. */
export interface PoolHealth {
  readonly status: HealthStatus
  /** Why it is not `up`; empty when it is. */
  readonly reasons: readonly string[]
  readonly counts: PoolCounts
}

/** What health is judged by. */
export interface HealthView {
  readonly counts: PoolCounts
  readonly max: number
  readonly draining: boolean
  readonly paused: boolean
  /** The last attempt to connect failed, and none has succeeded since. */
  readonly connectFails: boolean
  /** Whether callers may connect. */
  readonly circuit: CircuitStatus
  /** Milliseconds for which the oldest attempt to connect has been silent. */
  readonly connectSilentMillis: number
  /** Milliseconds since a caller last left without a connection at his deadline. */
  readonly sinceTimeoutMillis: number
}

const SILENT_FROM_MILLIS = 1_000
const RECENT_MILLIS = 10_000

const CIRCUIT_IN_WORDS: Readonly<Record<CircuitStatus, string | false>> = {
  closed: false,
  open: 'the circuit is open',
  halfOpen: 'the circuit is half open',
}

/** Pure: the same view is always judged the same. */
export function judgeHealth(view: HealthView): PoolHealth {
  const { counts, max } = view
  const alive = counts.used + counts.idle + counts.validating
  const circuit = CIRCUIT_IN_WORDS[view.circuit]
  const down = [
    view.draining && 'the pool is being drained',
    view.paused && 'the pool is paused',
    alive === 0 && circuit,
    alive === 0 && view.connectFails && 'no connection is open, and connecting fails',
    alive === 0 && view.connectSilentMillis >= SILENT_FROM_MILLIS && 'no connection is open, and connecting gets no answer',
  ].filter((reason) => reason !== false)
  const degraded = [
    counts.pending > 0 && counts.used >= max && 'all connections are in use, and callers wait',
    alive > 0 && circuit,
    alive > 0 && view.connectFails && 'connecting fails',
    alive > 0 && view.connectSilentMillis >= SILENT_FROM_MILLIS && 'connecting gets no answer',
    view.sinceTimeoutMillis < RECENT_MILLIS && 'a caller got no connection by his deadline',
  ].filter((reason) => reason !== false)
  const status = down.length > 0 ? 'down' : degraded.length > 0 ? 'degraded' : 'up'
  return { status, reasons: [...down, ...degraded], counts }
}
