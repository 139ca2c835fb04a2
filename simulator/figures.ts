import type { FlashCrowd } from './loads.ts'
import type { Replay } from './replay.ts'

export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0
}

/** Nobody who has to wait for a connect alone waits longer. */
const SHORT_WAIT_MILLIS = 50
const CALM_SECONDS = 10

/** Seconds from the beginning of a flash crowd until for ten seconds nobody waits longer than for a connect. */
export function secondsToAbsorb({ worstBySecond }: Replay, { from }: FlashCrowd): number | undefined {
  const first = Math.floor(from / 1_000)
  for (let second = first; second < worstBySecond.length; second++) {
    const then = worstBySecond.slice(second, second + CALM_SECONDS)
    if (then.every((worst) => worst <= SHORT_WAIT_MILLIS)) return second - first
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
