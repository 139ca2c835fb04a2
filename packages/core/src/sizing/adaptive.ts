import type { SizingObservation } from './observation.ts'
import type { AdaptiveOptions, AdaptiveSizing, PoolSize } from './options.ts'
import { judgeSaturation, unsaturated, type Saturation } from './saturation.ts'
import { staffingFor } from './staffing.ts'

/** What adaptive sizing remembers from one observation to the next. */
export interface AdaptiveState {
  /** The load of the last seconds, which growth follows, and that of the last minute, which shrinkage waits for. */
  readonly load: { readonly lately: number; readonly usually: number } | undefined
  /** Connections kept open. */
  readonly kept: number
  /** Since when fewer would have been enough, without a change or an interruption. */
  readonly idleSince: number | undefined
  readonly saturation: Saturation
}

export interface AdaptiveDecision {
  readonly state: AdaptiveState
  readonly size: PoolSize
  readonly reason: 'adaptive' | 'saturated' | 'recovering'
}

const LATELY_MILLIS = 10_000
const USUALLY_MILLIS = 60_000

/** What is in use for less than a thousandth of the time is not kept for it: its server may want to sleep. */
const NEGLIGIBLE_LOAD = 0.001

/** A pool that breathes with every second closes what it opens next. */
const GROWTH_RATIO = 1.1
const SHRINKAGE_RATIO = 0.85

const DEFAULTS: Required<AdaptiveOptions> = { waitProbability: 0.01, cooldownMillis: 60_000 }

export function adaptiveOptions({ adaptive }: AdaptiveSizing): Required<AdaptiveOptions> {
  if (adaptive === true) return DEFAULTS
  const { cooldownMillis = DEFAULTS.cooldownMillis, waitProbability = DEFAULTS.waitProbability } = adaptive
  return { cooldownMillis, waitProbability }
}

export function adaptiveStart({ min, max }: PoolSize): AdaptiveState {
  return { load: undefined, kept: min, idleSince: undefined, saturation: unsaturated(max) }
}

/**
 * Decides on a size by what was observed, and by what is remembered: as many connections are kept open as
 * square-root staffing asks for, and as many as `max` allows may be opened beside them by demand, so that no guess
 * makes anybody wait. Only a server that is saturated takes from `max`.
 *
 * Growth is at once; shrinkage by a step that is worth it, when fewer would have been enough for a whole cool-down.
 */
export function adapt(before: AdaptiveState, observation: SizingObservation, options: Required<AdaptiveOptions>): AdaptiveDecision {
  const { at, bounds } = observation
  const { cooldownMillis, waitProbability } = options
  const load = smoothedLoad(before.load, observation)
  const saturation = judgeSaturation(before.saturation, observation, cooldownMillis)
  const busiest = Math.max(load.lately, load.usually)
  const wanted = busiest < NEGLIGIBLE_LOAD ? 0 : staffingFor(busiest, waitProbability)
  const target = Math.min(saturation.limit, Math.max(bounds.min, wanted))
  const idleSince = target <= before.kept * SHRINKAGE_RATIO ? (before.idleSince ?? at) : undefined
  const isChanged =
    before.kept > saturation.limit ||
    (target > before.kept && target >= before.kept * GROWTH_RATIO) ||
    (idleSince !== undefined && at - idleSince >= cooldownMillis)
  const kept = isChanged ? target : before.kept
  const state = { load, kept, idleSince: isChanged ? undefined : idleSince, saturation }
  return { state, size: { min: kept, max: saturation.limit }, reason: reasonOf(before.saturation, saturation) }
}

/** After one more window of load. */
export function smoothedLoad(
  before: AdaptiveState['load'],
  { load, windowMillis }: Pick<SizingObservation, 'load' | 'windowMillis'>,
): NonNullable<AdaptiveState['load']> {
  if (before === undefined) return { lately: load, usually: load }
  const { lately, usually } = before
  return {
    lately: lately + (load - lately) * shareOf(windowMillis, LATELY_MILLIS),
    usually: usually + (load - usually) * shareOf(windowMillis, USUALLY_MILLIS),
  }
}

/** What a window weighs in a mean that forgets: the same for one long window and for many short ones. */
function shareOf(windowMillis: number, memoryMillis: number): number {
  return 1 - Math.exp(-windowMillis / memoryMillis)
}

function reasonOf(before: Saturation, after: Saturation): AdaptiveDecision['reason'] {
  if (after.limit < before.limit) return 'saturated'
  return after.limit > before.limit ? 'recovering' : 'adaptive'
}
