import { startFaultProxy } from '../test-integration/faults/proxy.ts'
import type { PostgresServer } from '../test-integration/harness/postgres.ts'
import { startApplication, type Application, type RunName } from './application.ts'
import { Load, type Tally } from './load.ts'
import { countErrors, measure } from './measure.ts'
import { Notes } from './notes.ts'
import type { Mark, RunResult } from './results.ts'
import { fill, type Scenario } from './scenarios/scenario.ts'

const TALLY_EVERY_MILLIS = 100

/** Plays a scenario once, with an application and a network of its own, and clears both away. */
export async function performRun(
  scenario: Scenario,
  run: RunName,
  server: PostgresServer,
  onTally: (tally: Tally) => void,
): Promise<RunResult> {
  const network = await startFaultProxy({ target: server })
  const { database, user } = server
  const address = { host: network.host, port: network.port, user, database }
  const application = startApplication(run, address, scenario.settings)
  try {
    // Code that runs for the first time is slow, and that is no news about a pool.
    await fill(application.db)
    return await play(scenario, run, application, { server, network }, onTally)
  } finally {
    // What hangs on a dead connection hangs until the network goes.
    await network.close()
    await application.db.destroy()
  }
}

async function play(
  scenario: Scenario,
  run: RunName,
  application: Application,
  surroundings: { server: PostgresServer; network: Awaited<ReturnType<typeof startFaultProxy>> },
  onTally: (tally: Tally) => void,
): Promise<RunResult> {
  const { db, keeper } = application
  const startedAt = performance.now()
  const load = new Load(application, startedAt, scenario.query)
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
    await scenario.perform({ db, load, mark, ...surroundings })
    const samples = await load.finish(scenario.patienceMillis)
    return {
      run,
      durationMillis: performance.now() - startedAt,
      samples,
      marks,
      recoverFrom,
      figures: measure(samples, recoverFrom),
      errors: countErrors(samples),
      keeper: keeper && { stats: keeper.stats(), notes: notes.list() },
    }
  } finally {
    clearInterval(ticker)
  }
}
