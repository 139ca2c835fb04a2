/**
 * How today compares with what is usual: the logarithm of the ratio, followed over the last slots. It carries growth
 * from week to week, a holiday or a cold day into the hours to come, and fades with them.
 */
export interface Today {
  readonly logRatio: number
  /** When that was so. */
  readonly at: number
}

export const USUAL_DAY: Today = { logRatio: 0, at: -Infinity }

const MINUTE_MILLIS = 60_000

/** Short enough to notice a holiday in its first hour, and long enough that a flash crowd is not taken for a habit. */
const MEMORY_MILLIS = 30 * MINUTE_MILLIS

/** What is said of the afternoon in the morning is half forgotten by then. */
const FADES_IN_MILLIS = 8 * 60 * MINUTE_MILLIS

/** No day is held for more than twice, or less than half, of a usual one: what is beyond is measured when it comes. */
const MOST_LOG_RATIO = Math.LN2

/** Half a connection more or less is chance. */
const CHANCE_LOAD = 0.5

/** After a slot whose load was `load`, where `usual` is what it is as a rule. */
export function compared(before: Today, at: number, slotMillis: number, load: number, usual: number): Today {
  const seen = Math.log((load + CHANCE_LOAD) / (usual + CHANCE_LOAD))
  const bounded = Math.max(-MOST_LOG_RATIO, Math.min(MOST_LOG_RATIO, seen))
  const known = fadedBy(before, at)
  return { logRatio: known + (1 - Math.exp(-slotMillis / MEMORY_MILLIS)) * (bounded - known), at }
}

/** What today's load is expected to be of the usual one, at a time to come. */
export function ratioAt(today: Today, at: number): number {
  return Math.exp(fadedBy(today, at))
}

function fadedBy({ logRatio, at: since }: Today, at: number): number {
  return logRatio === 0 ? 0 : logRatio * Math.exp(-Math.max(0, at - since) / FADES_IN_MILLIS)
}
