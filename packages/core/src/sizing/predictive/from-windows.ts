import { smoothedLoad, type AdaptiveState } from '../adaptive.ts'
import { encodeHistory } from './document.ts'
import { leftOff, predictiveStart, watched } from './predictive.ts'
import type { LoadWindow } from './visits.ts'
import { WeekClock } from './week-clock.ts'
import { emptyHistory } from './week-history.ts'

/**
 * A history for `sizing.predictive`, learnt from a load that was measured elsewhere, or that is made up: the document
 * that a pool would have saved.
 *
 * @param windows - the earliest first, none longer than five minutes; seconds tell more of bursts than minutes
 * @param timeZone - that of the policy
 */
export function historyFrom(windows: Iterable<LoadWindow>, timeZone = 'UTC'): string {
  const clock = new WeekClock(timeZone)
  let state = predictiveStart(emptyHistory(timeZone))
  let load: AdaptiveState['load']
  for (const window of windows) {
    load = smoothedLoad(load, window)
    state = watched(state, clock, window, load.lately).state
  }
  return encodeHistory(leftOff(state).state.history)
}
