import type { DurationBuckets, DurationKind } from '@poolkeeper/core'

/** From a tenth of a millisecond to some minutes. */
const BOUNDS_MILLIS: readonly number[] = Array.from({ length: 46 }, (_, index) => 0.1 * 1.4 ** index)

export interface RecentSummary {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

type Measured = 'wait' | 'use'

/** Durations since a moment that moves along: what a keeper has counted by now, less what it had counted then. */
export class RecentDurations {
  readonly #counted: Readonly<Record<Measured, DurationBuckets[]>> = { wait: [], use: [] }
  readonly #length: number

  /** @param length - of how many looks the oldest is what the newest is compared with */
  constructor(length: number) {
    this.#length = length
  }

  look(keeper: { durations(what: DurationKind, boundsMillis: readonly number[]): DurationBuckets }): void {
    for (const what of ['wait', 'use'] as const) {
      const counted = this.#counted[what]
      counted.push(keeper.durations(what, BOUNDS_MILLIS))
      if (counted.length > this.#length) counted.shift()
    }
  }

  summary(what: Measured): RecentSummary {
    const counted = this.#counted[what]
    const [oldest, newest] = [counted[0], counted.at(-1)]
    if (oldest === undefined || newest === undefined) return { count: 0, p50: 0, p90: 0, p99: 0 }
    const count = newest.count - oldest.count
    const upTo = newest.upTo.map((total, index) => total - (oldest.upTo[index] ?? 0))
    const at = (share: number): number => percentile(upTo, share * count)
    return count === 0 ? { count, p50: 0, p90: 0, p99: 0 } : { count, p50: at(0.5), p90: at(0.9), p99: at(0.99) }
  }
}

/** Within a bucket durations are taken as evenly spread; beyond the last there is nothing to go by. */
function percentile(upTo: readonly number[], rank: number): number {
  const index = upTo.findIndex((count) => count >= rank)
  if (index === -1) return BOUNDS_MILLIS.at(-1) ?? 0
  const [low, high] = [BOUNDS_MILLIS[index - 1] ?? 0, BOUNDS_MILLIS[index] ?? 0]
  const [below, within] = [upTo[index - 1] ?? 0, upTo[index] ?? 0]
  return low + ((high - low) * (rank - below)) / (within - below)
}
