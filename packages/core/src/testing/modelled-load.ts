import type { SizingObservation } from '../sizing/observation.ts'
import type { PoolSize } from '../sizing/options.ts'

/** For tests: what a pool observes in steady state whose server does no more than `knee` things at once. */
export interface ModelledLoad {
  readonly arrivalsPerSecond: number
  /** How long one thing takes by itself. */
  readonly serviceMillis: number
  readonly knee: number
}

const WINDOW_MILLIS = 1_000

export function observed({ arrivalsPerSecond, serviceMillis, knee }: ModelledLoad, at: number, size: PoolSize, bounds: PoolSize): SizingObservation {
  const load = (arrivalsPerSecond * serviceMillis) / 1_000
  const most = Math.min(size.max, knee)
  const isBound = load >= most
  // Beyond the knee the server shares itself out among more.
  const inUse = isBound ? size.max : load
  const servedPerSecond = isBound ? (most * 1_000) / serviceMillis : arrivalsPerSecond
  const pending = isBound ? 20 : 0
  return {
    at,
    windowMillis: WINDOW_MILLIS,
    arrivalsPerSecond,
    servedPerSecond,
    holdMillis: (inUse * 1_000) / servedPerSecond,
    inUse,
    load: inUse + pending,
    waitedShare: isBound ? 1 : 0,
    counts: { used: Math.round(inUse), idle: 0, validating: 0, opening: 0, closing: 0, pending },
    size,
    bounds,
  }
}
