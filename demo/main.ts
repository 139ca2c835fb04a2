import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { startPostgres } from '../test-integration/harness/postgres.ts'
import { startRedis } from '../test-integration/harness/redis.ts'
import { textOf } from './error-text.ts'
import { parseOptions, USAGE, type Options } from './options.ts'
import { performRun } from './perform-run.ts'
import { Progress } from './progress.ts'
import { renderReport } from './report/report.ts'
import { toJson, type DemoResult, type Environment, type RunResult, type ScenarioResult } from './results.ts'
import { RUNS, type PartName, type Scenario, type Servers } from './scenario.ts'
import { renderErrors, renderLegend, renderTable } from './table.ts'

async function main(options: Options): Promise<void> {
  const progress = new Progress(options.json ? process.stderr : process.stdout)
  // Now, and not after a minute of work.
  await mkdir(dirname(options.out), { recursive: true })
  const servers = await startServers(options.scenarios, progress)
  const environment = describeEnvironment(servers)
  for (const part of Object.values(environment.parts)) progress.say(part)
  const scenarios: ScenarioResult[] = []
  try {
    const playable = options.scenarios.filter(({ part }) => environment.parts[part] !== undefined)
    for (const [index, scenario] of playable.entries()) {
      progress.begin(index + 1, playable.length, scenario.name)
      scenarios.push({ scenario, runs: await performBoth(scenario, servers, progress) })
      progress.end()
    }
  } finally {
    await Promise.all([servers.postgres?.stop(), servers.redis?.stop()])
  }
  const result: DemoResult = { environment, scenarios }
  await writeFile(options.out, renderReport(result))
  if (options.json) process.stdout.write(`${JSON.stringify(toJson(result), undefined, 2)}\n`)
  else for (const part of [renderTable, renderLegend, renderErrors]) progress.say(`\n${part(scenarios)}`)
  progress.say(`\nReport: ${options.out}`)
}

async function performBoth(scenario: Scenario, servers: Servers, progress: Progress): Promise<RunResult[]> {
  const results: RunResult[] = []
  for (const run of RUNS) {
    const result = await performRun(scenario, run, servers, (tally) => progress.update(run, tally))
    progress.finish(run, result.figures)
    results.push(result)
  }
  return results
}

/** Those that are needed. Redis does not come with the dependencies; without it its part is left out. */
async function startServers(scenarios: readonly Scenario[], progress: Progress): Promise<Servers> {
  const needs = (name: PartName): boolean => scenarios.some(({ part }) => part === name)
  const postgres = needs('knex') ? await startPostgres({ prefer: 'embedded' }) : undefined
  const redis = needs('ioredis') ? await startRedis().catch((error: unknown) => leaveOut(error, progress)) : undefined
  return { ...(postgres && { postgres }), ...(redis && { redis }) }
}

function leaveOut(error: unknown, progress: Progress): undefined {
  progress.say(`The part of ioredis is left out: ${textOf(error)}`)
}

function describeEnvironment({ postgres, redis }: Servers): Environment {
  return {
    parts: {
      ...(postgres && { knex: `Knex ${versionOf('knex')} on PostgreSQL ${postgres.version} (${postgres.kind})` }),
      ...(redis && { ioredis: `ioredis ${versionOf('ioredis')} on Redis ${redis.version} (${redis.kind})` }),
    },
    node: process.versions.node,
    cpus: availableParallelism(),
    at: new Date().toISOString(),
  }
}

function versionOf(host: string): string {
  return (createRequire(import.meta.url)(`${host}/package.json`) as { version: string }).version
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
