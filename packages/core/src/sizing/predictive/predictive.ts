import type { PoolSize } from '../options.ts'
import { outlookOf, sizeFor, type Outlook } from './outlook.ts'
import { compared, ratioAt, USUAL_DAY, type Today } from './today.ts'
import { isShort, stayedOn, visitOf, type LoadWindow, type Stay } from './visits.ts'
import { SLOT_MILLIS, type WeekClock } from './week-clock.ts'
import { learnt, type Visit, type WeekHistory } from './week-history.ts'

/** What predictive sizing remembers. */
export interface PredictiveState {
  readonly history: WeekHistory
  readonly stay: Stay | undefined
  readonly today: Today
  /** Connections that are kept for what is expected. */
  readonly floor: number
}

export interface Watched {
  readonly state: PredictiveState
  /** A slot that is over, and was learnt. */
  readonly over: Visit | undefined
}

/** By which it decides. */
export interface Foresight {
  readonly clock: WeekClock
  readonly waitProbability: number
  readonly leadMillis: number
  /** Of how many standard deviations the band is. */
  readonly margin: number
}

/** A step that is worth it: what goes down by a connection each slot is opened again tomorrow. */
const SHRINKAGE_RATIO = 0.85

export function predictiveStart(history: WeekHistory): PredictiveState {
  return { history, stay: undefined, today: USUAL_DAY, floor: 0 }
}

/**
 * Learns from a window of load; `lately` is the load of the last seconds, whose highest value in a slot is its burst.
 */
export function watched(
  before: PredictiveState,
  clock: WeekClock,
  window: LoadWindow,
  lately: number,
): Watched {
  if (!isShort(window)) return { state: { ...before, stay: undefined }, over: undefined }
  const { over, stay } = stayedOn(before.stay, window, clock.slotAt(window.at - window.windowMillis / 2), lately)
  return { state: { ...withVisit(before, over), stay }, over }
}

/** Nothing more comes: what was seen of the last slot is all there will be. */
export function leftOff(before: PredictiveState): Watched {
  const over = before.stay === undefined ? undefined : visitOf(before.stay)
  return { state: { ...withVisit(before, over), stay: undefined }, over }
}

function withVisit(before: PredictiveState, over: Visit | undefined): PredictiveState {
  if (over === undefined) return before
  const usual = before.history.slots[over.slot]?.level
  const today = usual === undefined ? before.today : compared(before.today, over.at, SLOT_MILLIS, over.load, usual)
  return { ...before, today, history: learnt(before.history, over) }
}

/** What is expected of the slot that `at` lies in; `undefined` where nothing was learnt. */
export function outlookAt({ history, today }: PredictiveState, { clock, margin }: Foresight, at: number): Outlook | undefined {
  const slot = history.slots[clock.slotAt(at)]
  return slot === undefined ? undefined : outlookOf(slot, ratioAt(today, at), margin)
}

/** Connections that should stand ready at `at` for what is expected then, and within the lead. */
export function readyFor(state: PredictiveState, foresight: Foresight, at: number): number {
  const { clock, leadMillis, waitProbability } = foresight
  let most = 0
  for (let start = clock.slotStart(at); start <= at + leadMillis; start += SLOT_MILLIS) {
    const outlook = outlookAt(state, foresight, Math.max(at, start))
    if (outlook !== undefined) most = Math.max(most, sizeFor(outlook, waitProbability))
  }
  return most
}

/** At once upwards, and downwards by steps that are worth it. */
export function floorAt(state: PredictiveState, foresight: Foresight, at: number): PredictiveState {
  const ready = readyFor(state, foresight, at)
  const isChanged = ready > state.floor || ready <= state.floor * SHRINKAGE_RATIO
  return isChanged && ready !== state.floor ? { ...state, floor: ready } : state
}

/** What adaptive sizing asks for, and no less; of a server that is saturated, no more than it has to give. */
export function raised(asked: PoolSize, floor: number): PoolSize {
  return { min: Math.min(asked.max, Math.max(asked.min, floor)), max: asked.max }
}
