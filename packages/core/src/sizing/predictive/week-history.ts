import { WEEK_SLOTS } from './week-clock.ts'

/** What is usual in one slot of the week. */
export interface SlotHistory {
  /** The load on average, in connections; the last weeks count more than those before them. */
  readonly level: number
  /** How much that differs from one week to another: the mean of its squared deviations. */
  readonly variance: number
  /** By how much the busiest ten seconds are above the average of their slot. */
  readonly burst: number
  /** In how many weeks it was seen. */
  readonly weeks: number
}

/** What is usual at each time of the week; `undefined` where nobody has looked yet. */
export interface WeekHistory {
  readonly timeZone: string
  readonly slots: readonly (SlotHistory | undefined)[]
}

/** One slot, once. */
export interface Visit {
  readonly slot: number
  /** When it was over, in milliseconds since the epoch. */
  readonly at: number
  /** The load on average. */
  readonly load: number
  /** That of its busiest ten seconds. */
  readonly busiest: number
}

export const MOST_WEEKS = 99

/** The first weeks weigh the same; after that, each weighs as much as what is remembered of all before counts for. */
const LEAST_GAIN = 0.3

export function emptyHistory(timeZone: string): WeekHistory {
  return { timeZone, slots: Array<SlotHistory | undefined>(WEEK_SLOTS).fill(undefined) }
}

/** After one more visit to a slot: its exponentially weighted mean and variance, by week. */
export function learnt(history: WeekHistory, { slot, load, busiest }: Visit): WeekHistory {
  const burst = Math.max(0, busiest - load)
  const before = history.slots[slot]
  const after = before === undefined ? { level: load, variance: 0, burst, weeks: 1 } : oneMore(before, load, burst)
  return { ...history, slots: history.slots.with(slot, after) }
}

function oneMore(before: SlotHistory, load: number, burst: number): SlotHistory {
  const weeks = Math.min(MOST_WEEKS, before.weeks + 1)
  const gain = Math.max(1 / weeks, LEAST_GAIN)
  const off = load - before.level
  return {
    level: before.level + gain * off,
    variance: (1 - gain) * (before.variance + gain * off * off),
    burst: before.burst + gain * (burst - before.burst),
    weeks,
  }
}
