import type { Comparison } from './pairs.ts'
import type { Estimate } from './statistics.ts'

/** One line of the report. */
export interface Row {
  readonly title: string
  readonly value: Estimate
  /** Bare against bare, measured beside it; absent where nothing is divided. */
  readonly noise?: Estimate
  /** What the value is a ratio to. */
  readonly bare?: { readonly value: number; readonly unit: string }
  readonly limit?: number
  /** `undecided` when the limit lies within the interval. */
  readonly verdict: 'holds' | 'broken' | 'undecided' | 'reported'
}

export interface Report {
  readonly benchmark: string
  readonly rows: readonly Row[]
  /** Why there are no rows. */
  readonly skipped?: string
}

export function ratioRow(title: string, unit: string, { ratio, noise, bare }: Comparison, limit?: number): Row {
  return { ...limited(title, ratio, limit), noise, bare: { value: bare, unit } }
}

/** A figure that is judged as it is. */
export function plainRow(title: string, value: Estimate, limit?: number): Row {
  return limited(title, value, limit)
}

function limited(title: string, value: Estimate, limit: number | undefined): Row {
  return limit === undefined
    ? { title, value, verdict: 'reported' }
    : { title, value, limit, verdict: verdictOf(value, limit) }
}

function verdictOf({ low, high }: Estimate, limit: number): Row['verdict'] {
  if (high <= limit) return 'holds'
  return low > limit ? 'broken' : 'undecided'
}
