import { estimate, median, type Estimate } from './statistics.ts'

/** What one measurement yields: a number for each thing that was looked at. */
export type Figures = Readonly<Record<string, number>>

export type Measurement = () => Promise<Figures>

/** What is compared, what it is compared with, and the latter once more to show the noise. */
export interface Sides {
  readonly kept: Measurement
  readonly bare: Measurement
  readonly again: Measurement
}

/** Ratios by the name of a figure. */
export interface Comparison {
  readonly ratio: Estimate
  readonly noise: Estimate
  /** What the ratio is a ratio to, in the figure's own unit. */
  readonly bare: number
}

export type Side = keyof Sides
export type Trio = Readonly<Record<Side, Figures>>

const ORDERS: readonly (readonly [Side, Side, Side])[] = [
  ['bare', 'kept', 'again'],
  ['again', 'kept', 'bare'],
  ['kept', 'bare', 'again'],
  ['again', 'bare', 'kept'],
  ['bare', 'again', 'kept'],
  ['kept', 'again', 'bare'],
]

/** One measurement of each side, one after another; the number chooses the order. */
export async function measureTrio(sides: Sides, number: number): Promise<Trio> {
  const figures: Partial<Record<Side, Figures>> = {}
  for (const side of ORDERS[number % ORDERS.length] ?? ORDERS[0] ?? []) figures[side] = await sides[side]()
  return figures as Record<Side, Figures>
}

/** Several measurements of each side as one: of each figure the median. */
export async function measureBlocks(sides: Sides, blocks: number, number: number): Promise<Trio> {
  const trios: Trio[] = []
  for (let block = 0; block < blocks; block++) trios.push(await measureTrio(sides, number + block))
  return { kept: mediansOf(trios, 'kept'), bare: mediansOf(trios, 'bare'), again: mediansOf(trios, 'again') }
}

function mediansOf(trios: readonly Trio[], side: Side): Figures {
  const names = Object.keys(trios[0]?.[side] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(trios.map((trio) => figureOf(trio, side, name)))]))
}

/** The ratio is taken within each trio, so that what slows down a whole trio cancels out. */
export function compare(trios: readonly Trio[], name: string): Comparison {
  const ratios = (side: Side): number[] =>
    trios.map((trio) => figureOf(trio, side, name) / figureOf(trio, 'bare', name))
  return {
    ratio: estimate(ratios('kept')),
    noise: estimate(ratios('again')),
    bare: median(trios.map((trio) => figureOf(trio, 'bare', name))),
  }
}

function figureOf(trio: Trio, side: Side, name: string): number {
  const figure = trio[side][name]
  if (figure === undefined) throw new RangeError(`${side} has no figure "${name}"`)
  return figure
}
