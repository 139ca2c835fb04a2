import type { Comparison } from './pairs.ts'
import { median, type Estimate } from './statistics.ts'

/** One line of the report. */
export interface Row {
  readonly title: string
  /** A ratio, or with `isRange` a figure with its smallest and its greatest value. */
  readonly value: Estimate
  readonly isRange: boolean
  /** Bare against bare, measured beside it; absent where nothing is divided. */
  readonly noise?: Estimate
  /** What the value is a ratio to. */
  readonly base?: { readonly value: number; readonly unit: string }
  readonly limit?: number
  /** The value is not to be below the limit, in place of above it. */
  readonly isFloor?: true
  /** `undecided` when the limit lies within the interval. */
  readonly verdict: 'holds' | 'broken' | 'undecided' | 'reported'
}

export interface Report {
  readonly benchmark: string
  readonly rows: readonly Row[]
  /** Why there are no rows. */
  readonly skipped?: string
}

/** How much comes on top of the bare host. */
export function differenceRow(title: string, value: Estimate, limit: number): Row {
  const { low, high } = value
  const verdict = high <= limit ? 'holds' : low > limit ? 'broken' : 'undecided'
  return { title, value, isRange: false, limit, verdict }
}

export function ratioRow(title: string, unit: string, { ratio, noise, base }: Comparison, limit?: number): Row {
  const row = { title, value: ratio, isRange: false, noise, base: { value: base, unit } }
  if (limit === undefined) return { ...row, verdict: 'reported' }
  const { low, high } = ratio
  return { ...row, limit, verdict: high <= limit ? 'holds' : low > limit ? 'broken' : 'undecided' }
}

/** What is not to be less: a throughput. */
export function leastRow(title: string, unit: string, { ratio, noise, base }: Comparison, least: number): Row {
  const { low, high } = ratio
  const verdict = low >= least ? 'holds' : high < least ? 'broken' : 'undecided'
  return { title, value: ratio, isRange: false, noise, base: { value: base, unit }, limit: least, isFloor: true, verdict }
}

/** A promise that is kept in every measurement, or not kept. */
export function rangeRow(title: string, figures: readonly number[], limit?: number): Row {
  const [low, high] = [Math.min(...figures), Math.max(...figures)]
  const row = { title, value: { median: median(figures), low, high, samples: figures.length }, isRange: true }
  if (limit === undefined) return { ...row, verdict: 'reported' }
  return { ...row, limit, verdict: high <= limit ? 'holds' : 'broken' }
}
