import { estimate, median, type Estimate } from './statistics.ts'

/** What one measurement yields: a number for each thing that was looked at. */
export type Figures = Readonly<Record<string, number>>

/** What is measured side by side, by name. */
export type Sides<S extends string> = Readonly<Record<S, () => Promise<Figures>>>

/** One measurement of each side: the pairs that ratios are taken of. */
export type Round<S extends string> = Readonly<Record<S, Figures>>

/** The sides of most benchmarks: the bare host is measured twice, to show the noise. */
export type Side = 'kept' | 'bare' | 'again'

export interface Comparison {
  readonly ratio: Estimate
  /** Bare against bare. */
  readonly noise: Estimate
  /** What the ratio is a ratio to, in the figure's own unit. */
  readonly base: number
}

/** Measures the sides one after another, in a new order each time. */
export async function measureRound<S extends string>(sides: Sides<S>, draw: () => number = Math.random): Promise<Round<S>> {
  const figures: Partial<Record<S, Figures>> = {}
  for (const side of shuffled(namesOf(sides), draw)) figures[side] = await sides[side]()
  return figures as Record<S, Figures>
}

/** Several rounds as one: of each figure the median. */
export async function measureBlocks<S extends string>(
  sides: Sides<S>,
  blocks: number,
  draw: () => number = Math.random,
): Promise<Round<S>> {
  const rounds: Round<S>[] = []
  for (let block = 0; block < blocks; block++) rounds.push(await measureRound(sides, draw))
  const medians = namesOf(sides).map((side) => [side, mediansOf(rounds.map((round) => round[side]))])
  return Object.fromEntries(medians) as Record<S, Figures>
}

function mediansOf(measurements: readonly Figures[]): Figures {
  const names = Object.keys(measurements[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(measurements.map((figures) => figureOf(figures, name)))]))
}

/** What the kept side has on top of the bare one. */
export function differences(rounds: readonly Round<Side>[], name: string): Estimate {
  return estimate(rounds.map(({ kept, bare }) => figureOf(kept, name) - figureOf(bare, name)))
}

export function compare(rounds: readonly Round<Side>[], name: string): Comparison {
  return {
    ratio: ratioOf(rounds, name, 'kept', 'bare'),
    noise: ratioOf(rounds, name, 'again', 'bare'),
    base: median(figuresOf(rounds, 'bare', name)),
  }
}

/** The ratio is taken within each round, so that what slows down a whole round cancels out. */
export function ratioOf<S extends string>(rounds: readonly Round<S>[], name: string, side: S, to: S): Estimate {
  return estimate(rounds.map((round) => figureOf(round[side], name) / figureOf(round[to], name)))
}

export function figuresOf<S extends string>(rounds: readonly Round<S>[], side: S, name: string): number[] {
  return rounds.map((round) => figureOf(round[side], name))
}

function figureOf(figures: Figures, name: string): number {
  const figure = figures[name]
  if (figure === undefined) throw new RangeError(`there is no figure "${name}"`)
  return figure
}

function namesOf<S extends string>(sides: Sides<S>): S[] {
  return Object.keys(sides) as S[]
}

function shuffled<T>(items: readonly T[], draw: () => number): T[] {
  const left = [...items]
  return items.flatMap(() => left.splice(Math.floor(draw() * left.length), 1))
}
