import type { FlashCrowd } from './loads.ts'
import { percentile } from './percentile.ts'
import type { Replay } from './replay.ts'

/** Nobody who has to wait for a connect alone waits longer. */
const SHORT_WAIT_MILLIS = 50
const CALM_BINS = 10

/** Seconds from the beginning of a flash crowd until for ten seconds nobody waits longer than for a connect. */
export function secondsToAbsorb({ worstBySecond }: Replay, { from }: FlashCrowd): number | undefined {
  return binsToAbsorb(worstBySecond, Math.floor(from / 1_000))
}

/** The same by bins of any length, ten of which have to be calm. */
export function binsToAbsorb(worstByBin: readonly number[], first: number): number | undefined {
  for (let bin = first; bin < worstByBin.length; bin++) {
    const then = worstByBin.slice(bin, bin + CALM_BINS)
    if (then.every((worst) => worst <= SHORT_WAIT_MILLIS)) return bin - first
  }
  return undefined
}

/** The figures of one run, for a program. */
export interface Figures {
  readonly policy: string
  readonly callers: number
  readonly failed: Readonly<Record<string, number>>
  readonly waitedShare: number
  readonly waitMillis: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number }
  readonly connectionHours: number
  readonly mostConnections: number
  readonly opened: number
  readonly resized: Readonly<Record<string, number>>
  readonly secondsToAbsorb: number | undefined
  readonly steps: Replay['steps']
}

export function figuresOf(policy: string, run: Replay, flash: FlashCrowd | undefined): Figures {
  const at = (percent: number): number => percentile(run.waitsMillis, percent)
  const { callers, failed, waitedShare, connectionHours, mostConnections, opened, resized, steps } = run
  return {
    policy,
    callers,
    failed,
    waitedShare,
    waitMillis: { p50: at(50), p99: at(99), p999: at(99.9), max: at(100) },
    connectionHours,
    mostConnections,
    opened,
    resized,
    secondsToAbsorb: flash === undefined ? undefined : secondsToAbsorb(run, flash),
    steps,
  }
}
