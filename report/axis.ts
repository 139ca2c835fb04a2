/** A way from values to a part of an axis, 0 to 1. */
export interface Axis {
  readonly ticks: readonly number[]
  place(value: number): number
}

const FEW_DECADES = 2

/** Decades, from the one below the least value to the one above the greatest. */
export function logAxis(least: number, greatest: number): Axis {
  const from = Math.floor(Math.log10(least))
  const to = Math.max(from + 1, Math.ceil(Math.log10(greatest)))
  const decades = Array.from({ length: to - from + 1 }, (_, index) => Number(`1e${from + index}`))
  const steps = to - from <= FEW_DECADES ? [1, 2, 5] : [1]
  return {
    ticks: decades.flatMap((decade) => steps.map((step) => step * decade)).filter((tick) => tick <= 10 ** to),
    place: (value) => clamp((Math.log10(Math.max(value, Number.MIN_VALUE)) - from) / (to - from)),
  }
}

const MOST_TICKS = 6

/** From zero, with ticks at a round distance. */
export function linearAxis(greatest: number): Axis {
  const step = roundStep(greatest / MOST_TICKS)
  return {
    ticks: Array.from({ length: Math.floor(greatest / step) + 1 }, (_, index) => index * step),
    place: (value) => clamp(value / greatest),
  }
}

/** The least of 1, 2 and 5, times a power of ten, that is not below. */
function roundStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast))
  return power * ([1, 2, 5].find((factor) => factor * power >= atLeast) ?? 10)
}

function clamp(part: number): number {
  return Math.min(1, Math.max(0, part))
}
