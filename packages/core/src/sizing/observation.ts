import type { PoolCounts } from '../counts.ts'
import type { PoolSize } from './options.ts'

/** What a pool has counted since it began, read at one moment. */
export interface LoadSample {
  /** By the clock. */
  readonly at: number
  /** Callers who got a connection. */
  readonly served: number
  /** Callers who left without one, for whatever reason. */
  readonly left: number
  /** Callers who had to wait, of those who got one. */
  readonly waited: number
  /** How long connections have been held, those that are held now included. */
  readonly heldMillis: number
  /** Callers who wait now. */
  readonly pending: number
}

/** A pool over a window of time, for whoever decides on its size. */
export interface SizingObservation {
  /** The end of the window, in milliseconds since the epoch. */
  readonly at: number
  /** What the rates are measured over. */
  readonly windowMillis: number
  readonly arrivalsPerSecond: number
  /** Callers who got a connection. */
  readonly servedPerSecond: number
  /** How long a connection was held on average; `0` when none was lent. */
  readonly holdMillis: number
  /** Connections in use on average. */
  readonly inUse: number
  /**
   * Offered load: the connections that would be in use on average if nobody had to wait, which is the rate of
   * arrivals × the time held.
   */
  readonly load: number
  /** The share of those served who had to wait, from 0 to 1. */
  readonly waitedShare: number
  /** What the pool holds at the end of the window. */
  readonly counts: PoolCounts
  /** The size in force. */
  readonly size: PoolSize
  /** Within which a size has to stay. */
  readonly bounds: PoolSize
}

/** What happened between two samples. */
export function measured(
  before: LoadSample,
  after: LoadSample,
): Pick<
  SizingObservation,
  'windowMillis' | 'arrivalsPerSecond' | 'servedPerSecond' | 'holdMillis' | 'inUse' | 'load' | 'waitedShare'
> {
  const windowMillis = after.at - before.at
  const seconds = windowMillis / 1_000
  const served = after.served - before.served
  const left = after.left - before.left
  const arrivals = Math.max(0, served + left + after.pending - before.pending)
  // What was closed under its holder takes its time along.
  const heldMillis = Math.max(0, after.heldMillis - before.heldMillis)
  const inUse = heldMillis / windowMillis
  // By Little's law what is in use is the rate at which callers are served × the time they hold.
  const holdMillis = served > 0 ? heldMillis / served : 0
  return {
    windowMillis,
    arrivalsPerSecond: arrivals / seconds,
    servedPerSecond: served / seconds,
    holdMillis,
    inUse,
    // Each who waits would hold one now; each who left without one would have held it for as long as the others.
    load: inUse + after.pending + (left * holdMillis) / windowMillis,
    waitedShare: served > 0 ? (after.waited - before.waited) / served : 0,
  }
}
