import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isPoolkeeperError } from '@poolkeeper/core'
import { figuresOf, type Figures } from './figures.ts'
import { jobFrom, UsageError, USAGE, type Job, type NamedPolicy } from './options.ts'
import { PolicyFileError } from './policy-file.ts'
import { renderPlot, renderTable, topOf } from './render.ts'
import { renderReport } from './report/report.ts'
import { replay } from './replay.ts'
import { TraceError, type Trace } from './trace.ts'

/** What the time up to the last arrival is looked at in. */
const STEPS = 288
const MINUTE = 60_000

async function main(): Promise<void> {
  const job = jobFrom(process.argv.slice(2))
  const { asJson, flash, liveMinutes, out, trace } = job
  // Now, and not after a minute of work.
  await mkdir(dirname(out), { recursive: true })
  const stepMillis = Math.max(1, Math.ceil(lengthOf(trace) / STEPS))
  const { runs, where } = liveMinutes === undefined ? await simulated(job, stepMillis) : await live(job, liveMinutes, stepMillis)
  await writeFile(out, renderReport({ title: job.title, where, runs, flash, stepMillis }))
  if (asJson) console.log(JSON.stringify({ stepMillis, flash, runs }, undefined, 2))
  else {
    for (const figures of runs) console.log(`${renderPlot(figures, topOf(runs))}\n`)
    console.log(renderTable(runs))
  }
  console.error(`\nReport: ${out}`)
}

interface Outcome {
  readonly runs: readonly Figures[]
  /** What they were replayed on, in a sentence. */
  readonly where: string
}

async function simulated({ connectMillis, flash, policies, serverConcurrency, trace }: Job, stepMillis: number): Promise<Outcome> {
  const runs: Figures[] = []
  for (const each of policies) {
    const [name, policy] = each
    const run = await named(each, () => replay(trace, { policy, connectMillis, serverConcurrency, stepMillis }))
    runs.push(figuresOf(name, run, flash))
  }
  const server = Number.isFinite(serverConcurrency) ? `, and a server that does ${serverConcurrency} things at once` : ''
  return { runs, where: `On virtual time, with connects of ${connectMillis} ms${server}.` }
}

/** On a server of its own, of which nothing is left afterwards. */
async function live({ flash, policies, trace }: Job, minutes: number, stepMillis: number): Promise<Outcome> {
  const [{ startPostgres }, { runLive }] = await Promise.all([import('../test-integration/harness/postgres.ts'), import('./live/live-day.ts')])
  const traceMillis = lengthOf(trace)
  const speed = traceMillis / (minutes * MINUTE)
  const server = await startPostgres({ maxConnections: 1_000, prefer: 'embedded' })
  try {
    console.error(`PostgreSQL ${server.version}, ${policies.length} pools, ${minutes} minutes`)
    const { lagMillis, runs } = await runLive({ server, trace, traceMillis, flash, policies, speed, stepMillis })
    const how = `${speed.toFixed(1)} times as fast as it was, all policies at once; the load generator was ${lagMillis.toFixed(0)} ms late at worst`
    return { runs, where: `On PostgreSQL ${server.version}, ${how}. Waits are real milliseconds, connection-hours those of the trace.` }
  } finally {
    await server.stop()
  }
}

/** An error about a policy says which one it is. */
async function named<T>([name]: NamedPolicy, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isPoolkeeperError(error) ? new PolicyFileError(`${name}: ${error.message}`, { cause: error }) : error
  }
}

function lengthOf({ arrivals }: Trace): number {
  let last = 0
  for (const { atMillis } of arrivals) last = atMillis
  return last + 1
}

main().catch((error: unknown) => {
  // What the user can put right needs no stack.
  const isTheirs = error instanceof UsageError || error instanceof TraceError || error instanceof PolicyFileError
  console.error(isTheirs ? error.message : error)
  if (error instanceof UsageError) console.error(`\n${USAGE}`)
  process.exitCode = 1
})
