import { historyFrom, type LoadWindow, type SizingHistory } from '@poolkeeper/core'
import { dayOfLoad, type DayOptions } from './loads.ts'
import type { Trace } from './trace.ts'

const SECOND = 1_000
const WEEK = 7 * 86_400_000

/** So many weeks are behind a pool that has been in use for a month. */
export const WEEKS_BEFORE = 4

/** Days before a judged one have seeds of their own. */
const NEXT_SEED = 7_919

/**
 * What a pool has learnt before the day of `seed`: from the same day of the four weeks before, by the code that learns
 * in a pool. They were like it, each with its own chance, and had no flash crowd.
 */
export function historyBefore(seed: number, options: DayOptions = {}): SizingHistory {
  const days = Array.from({ length: WEEKS_BEFORE }, (_, index) => {
    const weeks = WEEKS_BEFORE - index
    const day = dayOfLoad(seed + weeks * NEXT_SEED, { ...options, isUsual: true })
    return windowsOf({ ...day, startedAt: day.startedAt - weeks * WEEK })
  })
  return inMemory(historyFrom(chained(days)))
}

/** A store that forgets with the process. */
export function inMemory(document: string | undefined): SizingHistory {
  let kept = document
  return {
    load: () => Promise.resolve(kept),
    save: (next) => {
      kept = next
      return Promise.resolve()
    },
  }
}

/** The load of a trace, second by second: what would be in use if nobody had to wait. */
function* windowsOf({ arrivals, startedAt }: Trace): Generator<LoadWindow> {
  const heldMillis = new Map<number, number>()
  let next = 0
  for (const { atMillis, holdMillis } of arrivals) {
    const first = Math.floor(atMillis / SECOND)
    for (; next < first; next++) yield windowAt(next)
    for (let at = atMillis; at < atMillis + holdMillis; ) {
      const second = Math.floor(at / SECOND)
      const end = Math.min(atMillis + holdMillis, (second + 1) * SECOND)
      heldMillis.set(second, (heldMillis.get(second) ?? 0) + end - at)
      at = end
    }
  }
  function windowAt(second: number): LoadWindow {
    const load = (heldMillis.get(second) ?? 0) / SECOND
    heldMillis.delete(second)
    return { at: startedAt + (second + 1) * SECOND, windowMillis: SECOND, load }
  }
}

function* chained<T>(parts: readonly Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part
}
