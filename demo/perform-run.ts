import { Load, type Tally } from './load.ts'
import { countErrors, measure } from './measure.ts'
import { Notes } from './notes.ts'
import type { Mark, RunResult } from './results.ts'
import type { Play, RunName, Scenario, Servers } from './scenario.ts'

const TALLY_EVERY_MILLIS = 100

/** Plays a scenario once, with an application and a network of its own, and clears both away. */
export async function performRun(
  scenario: Scenario,
  run: RunName,
  servers: Servers,
  onTally: (tally: Tally) => void,
): Promise<RunResult> {
  const play = await scenario.start(run, servers)
  try {
    return await perform(scenario, run, play, onTally)
  } finally {
    await play.end()
  }
}

async function perform(scenario: Scenario, run: RunName, play: Play, onTally: (tally: Tally) => void): Promise<RunResult> {
  const { ask, keeper } = play
  const startedAt = performance.now()
  const load = new Load(ask, startedAt)
  const notes = new Notes()
  keeper?.subscribe(notes.observe)
  const marks: Mark[] = []
  let recoverFrom: number | undefined
  const mark = (label: string, options?: { recoverFrom: boolean }): void => {
    const at = performance.now() - startedAt
    marks.push({ at, label })
    if (options?.recoverFrom === true) recoverFrom = at
  }
  const ticker = setInterval(() => onTally(load.tally()), TALLY_EVERY_MILLIS)
  try {
    await play.perform({ load, mark })
    const samples = await load.finish(scenario.patienceMillis)
    const figures = measure(samples, recoverFrom)
    const wrong = await play.audit?.(figures.ok, figures.errors)
    return {
      run,
      durationMillis: performance.now() - startedAt,
      samples,
      marks,
      recoverFrom,
      figures: wrong === undefined ? figures : { ...figures, wrong },
      errors: countErrors(samples),
      keeper: keeper && { stats: keeper.stats(), notes: notes.list() },
    }
  } finally {
    clearInterval(ticker)
  }
}
