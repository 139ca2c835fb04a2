import { recurrenceOf, type Recurrence } from './cron.ts'
import { DEFAULT_LEAD_MILLIS, type PoolSize, type ScheduleEntry, type ScheduleSizing } from './options.ts'

/** What a schedule says at one moment. */
export interface ScheduledSize {
  /** `undefined` before the first moment of all. */
  readonly size: PoolSize | undefined
  /** When it says something else, in milliseconds since the epoch. */
  readonly changesAt: number
}

/** Sizes by the clock: a pure function of the time. */
export class Schedule {
  readonly #entries: readonly { readonly size: PoolSize; readonly recurrence: Recurrence }[]
  readonly #leadMillis: number

  constructor({ schedule, leadMillis = DEFAULT_LEAD_MILLIS }: ScheduleSizing) {
    this.#entries = schedule.map(({ cron, timeZone, min, max }) => ({
      size: { min, max },
      recurrence: recurrenceOf(cron, timeZone),
    }))
    this.#leadMillis = leadMillis
  }

  /** @param at - milliseconds since the epoch */
  sizeAt(at: number): ScheduledSize {
    let size = this.#inForce(at)
    let changesAt = Infinity
    for (const { size: coming, recurrence } of this.#entries) {
      const moment = recurrence.after(at)
      if (moment === undefined) continue
      const opensAt = moment - this.#leadMillis
      // What is coming may only add before its moment: what shrinks, shrinks then.
      if (opensAt <= at) size = larger(size, coming)
      changesAt = Math.min(changesAt, opensAt > at ? opensAt : moment)
    }
    return { size, changesAt }
  }

  /** Of two whose moments fell together where the clock was put forward, the later one in the list. */
  #inForce(at: number): PoolSize | undefined {
    let latest = -Infinity
    let size: PoolSize | undefined
    for (const entry of this.#entries) {
      const moment = entry.recurrence.upTo(at)
      if (moment === undefined || moment < latest) continue
      latest = moment
      size = entry.size
    }
    return size
  }
}

function larger(one: PoolSize | undefined, other: PoolSize): PoolSize {
  if (one === undefined) return other
  return { min: Math.max(one.min, other.min), max: Math.max(one.max, other.max) }
}

/** Two entries that come round at the same moment. */
export interface Collision {
  readonly first: number
  readonly second: number
  readonly at: number
}

/** From a leap year on, so that its day is among the moments. Not from now: a policy is right or wrong on every day. */
const LOOKED_AT_FROM = Date.UTC(2024, 0, 1)
const LOOKED_AT_MOMENTS = 50

/** The first pair that collides, by the next fifty moments of the one that comes round less often. */
export function collisionOf(schedule: readonly ScheduleEntry[]): Collision | undefined {
  const entries = schedule.map(({ cron, timeZone }) => {
    const recurrence = recurrenceOf(cron, timeZone)
    return { recurrence, moments: momentsOf(recurrence) }
  })
  for (const [second, later] of entries.entries()) {
    for (const [first, earlier] of entries.slice(0, second).entries()) {
      const [rare, dense] = lastOf(earlier.moments) > lastOf(later.moments) ? [earlier, later] : [later, earlier]
      const at = rare.moments.find((moment) => dense.recurrence.upTo(moment) === moment)
      if (at !== undefined) return { first, second, at }
    }
  }
  return undefined
}

function momentsOf(recurrence: Recurrence): number[] {
  const moments: number[] = []
  let moment = recurrence.after(LOOKED_AT_FROM - 1)
  while (moment !== undefined && moments.length < LOOKED_AT_MOMENTS) {
    moments.push(moment)
    moment = recurrence.after(moment)
  }
  return moments
}

/** One that ends is the rarer one, whatever it was before. */
function lastOf(moments: readonly number[]): number {
  return moments.length < LOOKED_AT_MOMENTS ? Infinity : (moments.at(-1) ?? Infinity)
}
