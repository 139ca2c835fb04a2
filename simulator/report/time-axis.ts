import type { TimeAxis } from './chart.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Distances between ticks that can be read, and what they are counted in. */
const DISTANCES: readonly (readonly [millis: number, unit: number, name: string])[] = [
  ...[1, 2, 5, 10, 30].map((many) => [many * SECOND, SECOND, 's'] as const),
  ...[1, 2, 5, 10, 30].map((many) => [many * MINUTE, MINUTE, 'min'] as const),
  ...[1, 2, 3, 6, 12].map((many) => [many * HOUR, HOUR, 'h'] as const),
]
const MOST_TICKS = 9

/** Since the beginning, in round distances. */
export function timeAxis(endMillis: number): TimeAxis {
  const fitting = DISTANCES.find(([millis]) => endMillis / millis <= MOST_TICKS)
  const [distance, unit, name] = fitting ?? [DAY * Math.ceil(endMillis / DAY / MOST_TICKS), DAY, 'd']
  const count = Math.floor(endMillis / distance) + 1
  return {
    ticks: Array.from({ length: count }, (_, index) => ({
      part: (index * distance) / endMillis,
      label: `${(index * distance) / unit} ${name}`,
    })),
  }
}
