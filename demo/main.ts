import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { startPostgres, type PostgresServer } from '../test-integration/harness/postgres.ts'
import { RUNS } from './application.ts'
import { textOf } from './error-text.ts'
import { parseOptions, USAGE, type Options } from './options.ts'
import { performRun } from './perform-run.ts'
import { Progress } from './progress.ts'
import { renderReport } from './report/report.ts'
import { toJson, type DemoResult, type Environment, type RunResult, type ScenarioResult } from './results.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { renderErrors, renderLegend, renderTable } from './table.ts'

async function main(options: Options): Promise<void> {
  const progress = new Progress(options.json ? process.stderr : process.stdout)
  // Now, and not after a minute of work.
  await mkdir(dirname(options.out), { recursive: true })
  const server = await startPostgres({ prefer: 'embedded' })
  const environment = describeEnvironment(server)
  progress.say(`PostgreSQL ${environment.postgres}, Knex ${environment.knex}, Node ${environment.node}`)
  const scenarios: ScenarioResult[] = []
  try {
    for (const [index, scenario] of options.scenarios.entries()) {
      progress.begin(index + 1, options.scenarios.length, scenario.name)
      scenarios.push({ scenario, runs: await performBoth(scenario, server, progress) })
      progress.end()
    }
  } finally {
    await server.stop()
  }
  const result: DemoResult = { environment, scenarios }
  await writeFile(options.out, renderReport(result))
  if (options.json) process.stdout.write(`${JSON.stringify(toJson(result), undefined, 2)}\n`)
  else for (const part of [renderTable, renderLegend, renderErrors]) progress.say(`\n${part(scenarios)}`)
  progress.say(`\nReport: ${options.out}`)
}

async function performBoth(scenario: Scenario, server: PostgresServer, progress: Progress): Promise<RunResult[]> {
  const results: RunResult[] = []
  for (const run of RUNS) {
    const result = await performRun(scenario, run, server, (tally) => progress.update(run, tally))
    progress.finish(run, result.figures)
    results.push(result)
  }
  return results
}

function describeEnvironment({ kind, version }: PostgresServer): Environment {
  const { version: knex } = createRequire(import.meta.url)('knex/package.json') as { version: string }
  return {
    postgres: `${version} (${kind})`,
    knex,
    node: process.versions.node,
    cpus: availableParallelism(),
    at: new Date().toISOString(),
  }
}

function readOptions(): Options | undefined {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${textOf(error)}\n\n${USAGE}\n`)
    process.exitCode = 1
    return undefined
  }
}

function fail(error: unknown): void {
  process.stderr.write(`\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exitCode = 1
}

// Reported, counted as a failure, and everything is still cleared away in its order.
process.on('unhandledRejection', (error) => fail(new Error(`unhandled rejection: ${textOf(error)}`, { cause: error })))

const options = readOptions()
if (options?.help === true) process.stdout.write(`${USAGE}\n`)
else if (options !== undefined) await main(options).catch(fail)
