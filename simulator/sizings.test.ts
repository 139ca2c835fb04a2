import { beforeAll, describe, expect, test } from 'vitest'
import { policiesForDay } from './day-policies.ts'
import { figuresOf, type Figures } from './figures.ts'
import { historyBefore } from './histories.ts'
import { dayOfLoad, SHOWN_SEEDS, type DayOptions } from './loads.ts'
import { replay } from './replay.ts'

/** The campaign at five, and a flash crowd that no history knew; a tenth of the callers, who hold for ten times as long. */
const AFTERNOON: DayOptions = { hours: [16.5, 18.5], fold: 10 }

const JUDGED = ['fixed', 'adaptive', 'predictive'] as const

/** The share of callers who may have to wait: what the policies ask for. */
const TARGET_SHARE = 0.01

async function afternoonOf(seed: number): Promise<Record<(typeof JUDGED)[number], Figures>> {
  const day = dayOfLoad(seed, AFTERNOON)
  const all = new Map(policiesForDay(historyBefore(seed, AFTERNOON)))
  const figures: [string, Figures][] = []
  for (const name of JUDGED) {
    // One after the other: events are told for the whole process.
    const run = await replay(day, { policy: all.get(name) ?? {}, connectMillis: 20, serverConcurrency: Infinity, stepMillis: 60_000 })
    figures.push([name, figuresOf(name, run, day.flash)])
  }
  return Object.fromEntries(figures) as Record<(typeof JUDGED)[number], Figures>
}

describe.each(SHOWN_SEEDS)('an afternoon of seed %i, which nothing was tuned with', (seed) => {
  let fixed: Figures, adaptive: Figures, predictive: Figures

  beforeAll(async () => {
    ;({ fixed, adaptive, predictive } = await afternoonOf(seed))
  }, 120_000)

  test('predictive sizing makes nobody wait for more than 5 ms longer at p99 than a fixed pool, with at most 45 % of its connection-hours', () => {
    expect(predictive.waitMillis.p99).toBeLessThanOrEqual(fixed.waitMillis.p99 + 5)
    expect(predictive.connectionHours).toBeLessThanOrEqual(0.45 * fixed.connectionHours)
    expect(predictive.failed).toEqual({})
  })

  test('no larger a share of callers waits with it than was asked for, and fewer than with adaptive sizing, for which more connections have to be opened', () => {
    expect(predictive.waitedShare).toBeLessThanOrEqual(TARGET_SHARE)
    expect(predictive.waitedShare).toBeLessThan(adaptive.waitedShare)
    expect(predictive.opened).toBeLessThan(adaptive.opened)
  })

  test('adaptive sizing makes nobody wait for more than 15 ms longer at p99, with at most 55 % of the connection-hours', () => {
    expect(adaptive.waitMillis.p99).toBeLessThanOrEqual(fixed.waitMillis.p99 + 15)
    expect(adaptive.waitedShare).toBeLessThanOrEqual(TARGET_SHARE)
    expect(adaptive.connectionHours).toBeLessThanOrEqual(0.55 * fixed.connectionHours)
  })

  test('the flash crowd, which the history did not know, is absorbed by both within a second', () => {
    expect([fixed, adaptive, predictive].map(({ secondsToAbsorb }) => secondsToAbsorb)).toEqual([0, 0, 0])
  })

})
