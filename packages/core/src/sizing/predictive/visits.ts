import { SLOT_MILLIS } from './week-clock.ts'
import type { Visit } from './week-history.ts'

/** The load over a few seconds. */
export interface LoadWindow {
  /** Its end, in milliseconds since the epoch. */
  readonly at: number
  readonly windowMillis: number
  /** Connections that were in use on average, and those that were waited for. */
  readonly load: number
}

/** A slot that is not over yet, as far as it was seen. */
export interface Stay {
  readonly slot: number
  readonly at: number
  readonly seenMillis: number
  readonly loadMillis: number
  readonly busiest: number
}

/** Of a slot that was seen for less than half, nothing is believed. */
const LEAST_SEEN_MILLIS = SLOT_MILLIS / 2

/** Whether a window may lie in one slot, or in two at most. Of a longer one nobody knows what was when. */
export function isShort({ windowMillis }: LoadWindow): boolean {
  return windowMillis <= SLOT_MILLIS
}

/** One more window, which began and may end in another slot than the last one. */
export function stayedOn(before: Stay | undefined, window: LoadWindow, slot: number, lately: number): { readonly stay: Stay; readonly over: Visit | undefined } {
  const { at, load, windowMillis } = window
  const isSame = before?.slot === slot && at - before.at <= SLOT_MILLIS
  const { seenMillis = 0, loadMillis = 0, busiest = 0 } = isSame ? before : {}
  const stay = {
    slot,
    at,
    seenMillis: seenMillis + windowMillis,
    loadMillis: loadMillis + load * windowMillis,
    busiest: Math.max(busiest, lately),
  }
  return { stay, over: isSame || before === undefined ? undefined : visitOf(before) }
}

export function visitOf({ slot, at, seenMillis, loadMillis, busiest }: Stay): Visit | undefined {
  return seenMillis < LEAST_SEEN_MILLIS ? undefined : { slot, at, load: loadMillis / seenMillis, busiest }
}
