import type { Recovery, Wait } from './measure.ts'

export function duration(millis: number): string {
  if (millis < 10) return `${round(millis, 1)} ms`
  if (millis < 999.5) return `${Math.round(millis)} ms`
  return `${round(millis / 1000, millis < 9_995 ? 2 : 1)} s`
}

export function wait({ millis, atLeast }: Wait): string {
  return `${atLeast ? '≥ ' : ''}${duration(millis)}`
}

export function recoveryText(recovery: Recovery | undefined): string {
  if (recovery === undefined) return '–'
  if (recovery === 'never') return 'not in the run'
  return recovery === 0 ? 'undisturbed' : duration(recovery)
}

/** A figure that not every run has. */
export function numberText(figure: number | undefined): string {
  return figure === undefined ? '–' : String(figure)
}

function round(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)))
}
