import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { buildPrograms } from './programs.ts'
import type { Report, Row } from './report.ts'
import { FULL, QUICK, type Scale } from './scale.ts'
import { onServer } from './server/server-benchmark.ts'
import {
  stub,
  stubGenericPool,
  stubMysql2,
  stubPgPool,
  stubSeen,
  stubThroughKnex,
  stubWithHooks,
  stubWithLeakTracking,
  stubWithNestedDetection,
  stubWithSubscriber,
} from './stub/stub-benchmark.ts'
import { tableOf } from './table.ts'
import { ioredisLoopback, pgLoopbackSeen } from './ways/way-benchmark.ts'

const BENCHMARKS: Readonly<Record<string, (scale: Scale) => Promise<Row[]>>> = {
  stub,
  'stub-with-subscriber': stubWithSubscriber,
  'stub-with-hooks': stubWithHooks,
  'stub-through-knex': stubThroughKnex,
  'stub-with-leak-tracking': stubWithLeakTracking,
  'stub-with-nested-detection': stubWithNestedDetection,
  'stub-seen': stubSeen,
  'stub-mysql2': stubMysql2,
  'stub-pg-pool': stubPgPool,
  'stub-generic-pool': stubGenericPool,
  'knex-loopback': onServer('knex-loopback'),
  'mysql2-loopback': onServer('mysql2-loopback'),
  'pg-pool-loopback': onServer('pg-pool-loopback'),
  'postgres-js-loopback': onServer('postgres-js-loopback'),
  'pg-loopback-seen': pgLoopbackSeen,
  'ioredis-loopback': ioredisLoopback,
  'ioredis-mixed': onServer('ioredis-mixed'),
  recycling: onServer('recycling'),
}

const RESULTS = new URL('results/', import.meta.url)

const { values } = parseArgs({
  // pnpm hands its own separator on.
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
})

const names = values.only ?? Object.keys(BENCHMARKS)
const unknown = names.filter((name) => !(name in BENCHMARKS))
if (unknown.length > 0) throw new Error(`no such benchmark: ${unknown.join(', ')}; there are ${Object.keys(BENCHMARKS).join(', ')}`)

const scale = values.quick ? QUICK : FULL
await buildPrograms()
const reports: Report[] = []
for (const name of names) {
  const started = performance.now()
  console.error(`${name} …`)
  reports.push(await run(name))
  console.error(`${name}: ${Math.round((performance.now() - started) / 1_000)} s`)
}

const document = {
  takenAt: new Date().toISOString(),
  machine: { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length },
  scale,
  reports,
}
const json = JSON.stringify(document, null, 2)
await mkdir(RESULTS, { recursive: true })
await writeFile(new URL('latest.json', RESULTS), `${json}\n`)
console.log(values.json ? json : tableOf(reports))

/** What could not be measured is told, and the rest goes on: a benchmark is not a test. */
async function run(name: string): Promise<Report> {
  try {
    return { benchmark: name, rows: (await BENCHMARKS[name]?.(scale)) ?? [] }
  } catch (error) {
    return { benchmark: name, rows: [], skipped: error instanceof Error ? error.message : String(error) }
  }
}
