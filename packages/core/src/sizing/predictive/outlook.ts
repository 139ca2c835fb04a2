import { normalRatio, staffingFor } from '../staffing.ts'
import type { SlotHistory } from './week-history.ts'

/** What is expected of one slot to come, in connections. */
export interface Outlook {
  readonly expected: number
  /** The band: below its upper edge the load stays with the confidence that was asked for. */
  readonly low: number
  readonly high: number
  /** The upper edge with the slot's usual burst on top: what connections are opened for. */
  readonly busiest: number
}

/** Before there are weeks to compare, a load may well be a quarter off. One week's worth of doubt. */
const DOUBT_RATIO = 0.25
/** So many weeks count, by the weight that older ones have lost. */
const WEEKS_THAT_COUNT = 6

/** A few seconds of use in five minutes: nothing is opened for that before somebody asks. */
const WORTH_OPENING_FOR = 0.02

/** @param margin - of how many standard deviations the band is, to either side */
export function outlookOf({ level, variance, burst, weeks }: SlotHistory, ratio: number, margin: number): Outlook {
  const counted = Math.min(weeks, WEEKS_THAT_COUNT)
  const deviation = Math.sqrt((counted * variance + (DOUBT_RATIO * level) ** 2) / (counted + 1))
  const expected = level * ratio
  const off = margin * deviation * ratio
  const high = expected + off
  return { expected, low: Math.max(0, expected - off), high, busiest: high + burst * ratio }
}

/** Connections that should stand ready for it. */
export function sizeFor({ expected, busiest }: Outlook, waitProbability: number): number {
  return expected < WORTH_OPENING_FOR ? 0 : staffingFor(busiest, waitProbability)
}

const BISECTIONS = 60
const LARGEST_MARGIN = 8

/** How many standard deviations above its mean a normal variable stays with a probability of one half or more. */
export function marginOf(confidence: number): number {
  let [low, high] = [0, LARGEST_MARGIN]
  for (let step = 0; step < BISECTIONS; step++) {
    const middle = (low + high) / 2
    if (below(middle) < confidence) low = middle
    else high = middle
  }
  return high
}

/** Φ(x), of the standard normal distribution. */
function below(x: number): number {
  return (normalRatio(x) * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)
}
