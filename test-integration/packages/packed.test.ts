import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { requireServer } from '../harness/require-server.ts'
import { ScratchProject } from './scratch-project.ts'

const BODY = `
const db = knex(withPoolPolicy(
  { client: 'pg', connection: process.env.POSTGRES, pool: { min: 0, max: 3 } },
  { maxLifetimeMillis: 60_000, keepaliveMillis: 30_000 },
))
const other = knex({ client: 'pg', connection: process.env.POSTGRES, pool: { min: 0, max: 3 } })
const keeper = applyPoolPolicy(other, { name: 'other' })
async function main() {
  const { rows } = await db.raw('select 1 as one')
  await other.raw('select 1')
  const { opens, name } = keeperOf(db).stats()
  let code
  try { applyPoolPolicy(other, { max: -1 }) } catch (error) { code = isPoolkeeperError(error) ? error.code : error }
  console.log(JSON.stringify({ one: rows[0].one, opened: opens.ok, secret: name.includes('@'), name: keeper.name, code }))
  keeper.detach()
  await Promise.all([db.destroy(), other.destroy()])
}
main()
`
const NAMES = 'applyPoolPolicy, isPoolkeeperError, keeperOf, withPoolPolicy'

const TYPED = `
import knex from 'knex'
import { ${NAMES}, type PoolEvent, type PoolKeeper, type PoolPolicyOptions, type PoolStats } from '@poolkeeper/knex'
const policy: PoolPolicyOptions = { min: 1, max: 5, maxLifetimeMillis: false, validateAfterIdleMillis: 500 }
// @ts-expect-error a text is no number of milliseconds
const wrong: PoolPolicyOptions = { keepaliveMillis: '1s' }
// @ts-expect-error there is no such option
const unknown: PoolPolicyOptions = { keepAlive: 1 }
export const db = knex(withPoolPolicy({ client: 'pg', connection: 'postgres://127.0.0.1/none' }, policy))
export const keeper: PoolKeeper = keeperOf(db)
export const stats: PoolStats = applyPoolPolicy(db, policy).stats()
export const closed: number = stats.closes.maxLifetime
export const undo: () => void = keeper.subscribe((event: PoolEvent) => {
  if (event.type === 'closed') console.log(event.reason, event.ageMillis, wrong, unknown)
})
export const trx = db.transaction(async (transaction) => keeperOf(transaction).name)
export const isOurs: boolean = isPoolkeeperError(new Error('no'))
`

const PG_BODY = `
const pool = new pg.Pool({ connectionString: process.env.POSTGRES, max: 3 })
const keeper = applyPoolPolicy(pool, { name: 'other' })
async function main() {
  const { rows } = await pool.query('select 1 as one')
  if (await fileHistory('no-history.json').load() !== undefined) throw new Error('a history out of nothing')
  let code
  try { applyPoolPolicy(pool, { max: -1 }) } catch (error) { code = isPoolkeeperError(error) ? error.code : error }
  const { opens, name } = keeperOf(pool).stats()
  console.log(JSON.stringify({ one: rows[0].one, opened: opens.ok, secret: name.includes('@'), name: keeper.name, code }))
  keeper.detach()
  await pool.end()
}
main()
`
const PG_NAMES = 'applyPoolPolicy, isPoolkeeperError, keeperOf'

const PG_TYPED = `
import { Pool } from 'pg'
import { ${PG_NAMES}, type PoolEvent, type PoolKeeper, type PoolPolicyOptions, type PoolStats } from '@poolkeeper/pg'
import { postgresHistory, type SizingHistory } from '@poolkeeper/core/history'
const policy: PoolPolicyOptions = { min: 1, max: 5, maxLifetimeMillis: false, validateAfterIdleMillis: 500 }
const pool = new Pool()
export const keeper: PoolKeeper = applyPoolPolicy(pool, policy)
export const history: SizingHistory = postgresHistory(pool, { key: 'packed' })
export const stats: PoolStats = keeperOf(pool).stats()
// @ts-expect-error a keeper is put on a pool
export const wrong = keeperOf({})
export const undo: () => void = keeper.subscribe((event: PoolEvent) => {
  if (event.type === 'closed') console.log(event.reason, event.ageMillis)
})
export const isOurs: boolean = isPoolkeeperError(new Error('no'))
`

const MYSQL2_NAMES = 'applyPoolPolicy, findPoolkeeperError, isPoolkeeperError, keeperOf'
const MYSQL2_BODY = `
const pool = createPool({ uri: process.env.MARIADB, connectionLimit: 3 })
const keeper = applyPoolPolicy(pool, { name: 'other' })
pool.query('select 1 as one', async (error, rows) => {
  const promising = pool.promise()
  await promising.query('select 2')
  const { opens } = keeperOf(promising).stats()
  let code
  try { applyPoolPolicy(pool, { max: -1 }) } catch (error) { code = isPoolkeeperError(error) ? error.code : error }
  console.log(JSON.stringify({ one: rows[0].one, opened: opens.ok, secret: keeper.policy.name.includes('@'), name: keeper.name, code }))
  keeper.detach()
  pool.end()
})
`

const MYSQL2_TYPED = `
import { createPool, createPoolCluster } from 'mysql2'
import { ${MYSQL2_NAMES}, type ClusterKeeper, type PoolKeeper, type PoolPolicyOptions, type PoolStats } from '@poolkeeper/mysql2'
const policy: PoolPolicyOptions = { min: 1, max: 5, maxLifetimeMillis: false }
const pool = createPool({ connectionLimit: 1 })
export const keeper: PoolKeeper = applyPoolPolicy(pool, policy)
export const stats: PoolStats = keeperOf(pool.promise()).stats()
export const cluster: ClusterKeeper = applyPoolPolicy(createPoolCluster())
export const node: PoolKeeper | undefined = cluster.nodes.get('PRIMARY')
// @ts-expect-error a keeper is put on a pool
export const wrong = keeperOf({})
export const code: string | undefined = findPoolkeeperError(isPoolkeeperError(stats))?.code
`

const POSTGRES_JS = `
const sql = postgres(process.env.POSTGRES, withPoolPolicy({ max: 2 }, { name: 'packed' }))
async function main() {
  const keeper = keeperOf(sql)
  const [row] = await sql\`select 1 as one\`
  console.log(JSON.stringify({ one: row.one, opened: keeper.stats().opens.ok, name: keeper.name }))
  await sql.end()
}
main()
`

const POSTGRES_JS_TYPED = `
import postgres from 'postgres'
import { applyPoolPolicy, keeperOf, withPoolPolicy, type PoolKeeper } from '@poolkeeper/postgres-js'
const sql = postgres('postgres://127.0.0.1/none', withPoolPolicy({ max: 5, ssl: 'require' }, { keepaliveMillis: 60_000 }))
export const keeper: PoolKeeper = keeperOf(sql)
export const same: PoolKeeper = applyPoolPolicy(sql, { keepaliveMillis: 60_000 })
// @ts-expect-error a text is no number of milliseconds
export const wrong = withPoolPolicy({}, { keepaliveMillis: '1s' })
`

/** The default of CommonJS projects before TypeScript 6: it does not read `exports`. */
const NODE10 = ['--module', 'commonjs', '--moduleResolution', 'node10', '--esModuleInterop', '--ignoreDeprecations', '6.0']
const IOREDIS = `
const pool = createRedisPool(process.env.REDIS, { name: 'packed' })
async function main() {
  await pool.set('packed', 'yes')
  console.log(JSON.stringify({ value: await pool.get('packed'), opened: keeperOf(pool).stats().opens.ok, name: keeperOf(pool).name }))
  await pool.quit()
}
main()
`

const IOREDIS_TYPED = `
import { createRedisPool, keeperOf, type PoolKeeper, type RedisPool } from '@poolkeeper/ioredis'
const pool: RedisPool = createRedisPool({ host: '127.0.0.1' }, { lanes: 2 })
export const keeper: PoolKeeper = keeperOf(pool)
export const value: Promise<string | null> = pool.get('key')
export const result: Promise<[error: Error | null, result: unknown][] | null> = pool.multi().incr('key').exec()
// @ts-expect-error it concerns one connection
export const wrong = pool.subscribe('news')
`

const METRICS_BODY = `
const pool = new pg.Pool({ connectionString: process.env.POSTGRES, max: 3 })
applyPoolPolicy(pool, { name: 'packed' })
async function main() {
  const registry = new Registry()
  collectPools(registry)
  await pool.query('select 1')
  const scraped = await registry.getSingleMetricAsString('poolkeeper_pool_connections')
  const { resourceMetrics } = await poolMetrics().collect()
  const [count] = resourceMetrics.scopeMetrics[0].metrics
  console.log(JSON.stringify({ idle: scraped.includes('{pool="packed",state="idle"} 1'), name: count.descriptor.name, value: count.dataPoints[0].value }))
  await pool.end()
}
main()
`

const METRICS_TYPED = `
import { PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { observePools, poolMetrics } from '@poolkeeper/opentelemetry'
import { collectPools } from '@poolkeeper/prometheus'
import { register } from 'prom-client'
declare const exporter: PushMetricExporter
export const reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [poolMetrics({ capacity: 'both' })] })
export const stops: (() => void)[] = [collectPools(register, { prefix: 'app_' }), observePools()]
// @ts-expect-error a registry of prom-client is asked for
collectPools({})
`

const DASHBOARD_BODY = `
async function main() {
  const board = dashboard()
  const server = createServer(board.handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  const response = await fetch('http://127.0.0.1:' + port)
  const page = await response.text()
  console.log(JSON.stringify({ status: response.status, style: page.includes('--paper'), script: page.includes('new Page().connect()') }))
  server.close()
  server.closeAllConnections()
}
main()
`

const DASHBOARD_TYPED = `
import { createServer } from 'node:http'
import { dashboard, type Dashboard, type DashboardAuthorize } from '@poolkeeper/dashboard'
const authorize: DashboardAuthorize = ({ action, header }) => action === 'view' || { status: 401, headers: { 'www-authenticate': header('x') ?? 'Basic' } }
export const board: Dashboard = dashboard({ authorize, operations: ['recycle'] })
export const server = createServer(board.handler)
export const answer: Promise<Response> = board.fetch(new Request('http://localhost'))
// @ts-expect-error there is no such operation
dashboard({ authorize, operations: ['drain'] })
`

const GENERIC_POOL_NAMES = 'applyPoolPolicy, isPoolkeeperError, keeperOf'
const GENERIC_POOL = `
const pool = createPool({
  async create() {
    const client = new pg.Client({ connectionString: process.env.POSTGRES })
    await client.connect()
    return client
  },
  destroy: (client) => client.end(),
}, { max: 3 })
const keeper = applyPoolPolicy(pool, { name: 'other' }, pgDriver)
async function main() {
  const { rows } = await pool.use((client) => client.query('select 1 as one'))
  let code
  try { applyPoolPolicy(pool, { max: -1 }) } catch (error) { code = isPoolkeeperError(error) ? error.code : error }
  const { opens, name } = keeperOf(pool).stats()
  console.log(JSON.stringify({ one: rows[0].one, opened: opens.ok, secret: name.includes('@'), name: keeper.name, code }))
  keeper.detach()
  await pool.drain()
  await pool.clear()
}
main()
`

const GENERIC_POOL_TYPED = `
import { createPool } from 'generic-pool'
import { Client } from 'pg'
import { pgDriver } from '@poolkeeper/drivers'
import { ${GENERIC_POOL_NAMES}, type CreateAttempt, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/generic-pool'
const policy: PoolPolicyOptions = { min: 1, max: 5, maxLifetimeMillis: false }
const pool = createPool({
  create: async (attempt?: CreateAttempt) => new Client({ password: attempt?.credentials?.password ?? '' }),
  destroy: (client: Client) => client.end(),
})
export const keeper: PoolKeeper = applyPoolPolicy(pool, policy, pgDriver)
export const part: PoolKeeper = applyPoolPolicy(pool, policy, { isBroken: (client) => client.user === undefined })
export const same: PoolKeeper = keeperOf(pool)
// @ts-expect-error resources are objects
applyPoolPolicy(createPool({ create: async () => 1, destroy: async () => {} }))
// @ts-expect-error a keeper is put on a pool
export const wrong = keeperOf({})
export const isOurs: boolean = isPoolkeeperError(new Error('no'))
`

const postgres = requireServer('postgres')
const redis = requireServer('redis')
const mariadb = requireServer('mariadb')

let folder: string
let project: ScratchProject

beforeAll(async () => {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: fileURLToPath(new URL('../..', import.meta.url)), stdio: 'ignore' })
  folder = await mkdtemp(join(tmpdir(), 'poolkeeper-scratch-'))
  project = await ScratchProject.create(folder)
}, 180_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

postgres.describe('the packed packages in a project of a stranger', () => {
  const expected = { one: 1, opened: 1, secret: false, name: 'other', code: 'INVALID_POLICY' }

  test.for([
    { name: 'an ES module', file: 'app.mjs', head: `import knex from 'knex'\nimport { ${NAMES} } from '@poolkeeper/knex'` },
    { name: 'a CommonJS script', file: 'app.cjs', head: `const { knex } = require('knex')\nconst { ${NAMES} } = require('@poolkeeper/knex')` },
    { name: 'an ES module, on a pool of pg', file: 'pg.mjs', head: `import pg from 'pg'\nimport { ${PG_NAMES} } from '@poolkeeper/pg'\nimport { fileHistory } from '@poolkeeper/core/history'`, body: PG_BODY },
    { name: 'a CommonJS script, on a pool of pg', file: 'pg.cjs', head: `const pg = require('pg')\nconst { ${PG_NAMES} } = require('@poolkeeper/pg')\nconst { fileHistory } = require('@poolkeeper/core/history')`, body: PG_BODY },
    { name: 'an ES module, on generic-pool', file: 'generic-pool.mjs', head: `import pg from 'pg'\nimport { createPool } from 'generic-pool'\nimport { pgDriver } from '@poolkeeper/drivers'\nimport { ${GENERIC_POOL_NAMES} } from '@poolkeeper/generic-pool'`, body: GENERIC_POOL },
    { name: 'a CommonJS script, on generic-pool', file: 'generic-pool.cjs', head: `const pg = require('pg')\nconst { createPool } = require('generic-pool')\nconst { pgDriver } = require('@poolkeeper/drivers')\nconst { ${GENERIC_POOL_NAMES} } = require('@poolkeeper/generic-pool')`, body: GENERIC_POOL },
  ])('work from $name', { timeout: 30_000 }, async ({ file, head, body = BODY }) => {
    await project.write(file, head + body)
    const output = await project.node({ POSTGRES: postgres.url }, file)
    expect(JSON.parse(output)).toEqual(expected)
  })

  test.for([
    {
      name: 'an ES module',
      file: 'postgres-js.mjs',
      head: "import postgres from 'postgres'\nimport { keeperOf, withPoolPolicy } from '@poolkeeper/postgres-js'",
    },
    {
      name: 'a CommonJS script',
      file: 'postgres-js.cjs',
      head: "const postgres = require('postgres')\nconst { keeperOf, withPoolPolicy } = require('@poolkeeper/postgres-js')",
    },
  ])('attend postgres.js from $name', { timeout: 30_000 }, async ({ file, head }) => {
    await project.write(file, head + POSTGRES_JS)
    const output = await project.node({ POSTGRES: postgres.url }, file)
    expect(JSON.parse(output)).toEqual({ one: 1, opened: 1, name: 'packed' })
  })

  test.for([
    {
      name: 'an ES module',
      file: 'metrics.mjs',
      head: `import pg from 'pg'
import { Registry } from 'prom-client'
import { applyPoolPolicy } from '@poolkeeper/pg'
import { poolMetrics } from '@poolkeeper/opentelemetry'
import { collectPools } from '@poolkeeper/prometheus'`,
    },
    {
      name: 'a CommonJS script',
      file: 'metrics.cjs',
      head: `const pg = require('pg')
const { Registry } = require('prom-client')
const { applyPoolPolicy } = require('@poolkeeper/pg')
const { poolMetrics } = require('@poolkeeper/opentelemetry')
const { collectPools } = require('@poolkeeper/prometheus')`,
    },
  ])('show their pools to Prometheus and OpenTelemetry from $name', { timeout: 30_000 }, async ({ file, head }) => {
    await project.write(file, head + METRICS_BODY)
    const output = await project.node({ POSTGRES: postgres.url }, file)
    expect(JSON.parse(output)).toEqual({ idle: true, name: 'db.client.connection.count', value: 1 })
  })

  test('are typed for Prometheus and OpenTelemetry', { timeout: 60_000 }, async () => {
    await project.write('metrics.mts', METRICS_TYPED)
    await project.tsc('--strict', '--noEmit', '--target', 'es2022', '--types', 'node', '--module', 'nodenext', 'metrics.mts')
  })

  test.for([
    { name: 'an ES module', file: 'dashboard.mjs', head: "import { once } from 'node:events'\nimport { createServer } from 'node:http'\nimport { dashboard } from '@poolkeeper/dashboard'" },
    { name: 'a CommonJS script', file: 'dashboard.cjs', head: "const { once } = require('node:events')\nconst { createServer } = require('node:http')\nconst { dashboard } = require('@poolkeeper/dashboard')" },
  ])('find the page of the dashboard from $name', { timeout: 30_000 }, async ({ file, head }) => {
    await project.write(file, head + DASHBOARD_BODY)
    expect(JSON.parse(await project.node({ NODE_ENV: '' }, file))).toEqual({ status: 200, style: true, script: true })
  })

  test('are typed for a dashboard', { timeout: 60_000 }, async () => {
    await project.write('dashboard.mts', DASHBOARD_TYPED)
    await project.tsc('--strict', '--noEmit', '--target', 'es2022', '--types', 'node', '--module', 'nodenext', 'dashboard.mts')
  })

  test('are typed for postgres.js', { timeout: 60_000 }, async () => {
    await project.write('postgres-js.mts', POSTGRES_JS_TYPED)
    const flags = ['--strict', '--noEmit', '--target', 'es2022', '--types', 'node', '--module', 'nodenext', '--skipLibCheck']
    await project.tsc(...flags, 'postgres-js.mts')
  })

  test.for([
    { name: 'nodenext, ES module', file: 'typed.mts', flags: ['--module', 'nodenext'] },
    { name: 'nodenext, CommonJS', file: 'typed.cts', flags: ['--module', 'nodenext', '--esModuleInterop'] },
    { name: 'bundler', file: 'typed.ts', flags: ['--module', 'esnext', '--moduleResolution', 'bundler'] },
    { name: 'node10, CommonJS', file: 'typed-node10.ts', flags: NODE10 },
  ])('are typed for $name', { timeout: 60_000 }, async ({ file, flags }) => {
    const [pgFile, genericPoolFile] = [`pg-${file}`, `generic-pool-${file}`]
    await project.write(file, TYPED)
    await project.write(pgFile, PG_TYPED)
    await project.write(genericPoolFile, GENERIC_POOL_TYPED)
    const checks = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--target', 'es2022', '--types', 'node']
    await project.tsc(...checks, ...flags, file, pgFile, genericPoolFile)
  })
})

mariadb.describe('the packed package for mysql2 in a project of a stranger', () => {
  test.for([
    { name: 'an ES module', file: 'mysql2.mjs', head: `import { createPool } from 'mysql2'\nimport { ${MYSQL2_NAMES} } from '@poolkeeper/mysql2'` },
    { name: 'a CommonJS script', file: 'mysql2.cjs', head: `const { createPool } = require('mysql2')\nconst { ${MYSQL2_NAMES} } = require('@poolkeeper/mysql2')` },
  ])('works from $name', { timeout: 30_000 }, async ({ file, head }) => {
    await project.write(file, head + MYSQL2_BODY)
    const output = await project.node({ MARIADB: mariadb.url }, file)
    expect(JSON.parse(output)).toEqual({ one: 1, opened: 1, secret: false, name: 'other', code: 'INVALID_POLICY' })
  })

  test.for([
    { name: 'nodenext, ES module', file: 'mysql2-typed.mts', flags: ['--module', 'nodenext'] },
    { name: 'nodenext, CommonJS', file: 'mysql2-typed.cts', flags: ['--module', 'nodenext', '--esModuleInterop'] },
    { name: 'bundler', file: 'mysql2-typed.ts', flags: ['--module', 'esnext', '--moduleResolution', 'bundler'] },
    { name: 'node10, CommonJS', file: 'mysql2-typed-node10.ts', flags: NODE10 },
  ])('is typed for $name', { timeout: 60_000 }, async ({ file, flags }) => {
    await project.write(file, MYSQL2_TYPED)
    // mysql2's own types are not made for it.
    const checks = ['--strict', '--skipLibCheck', '--noEmit', '--target', 'es2022', '--types', 'node']
    await project.tsc(...checks, ...flags, file)
  })
})

redis.describe('the packed package for ioredis in a project of a stranger', () => {
  test.for([
    { name: 'an ES module', file: 'ioredis.mjs', head: "import { createRedisPool, keeperOf } from '@poolkeeper/ioredis'" },
    { name: 'a CommonJS script', file: 'ioredis.cjs', head: "const { createRedisPool, keeperOf } = require('@poolkeeper/ioredis')" },
  ])('works from $name', { timeout: 30_000 }, async ({ file, head }) => {
    await project.write(file, head + IOREDIS)
    const output = await project.node({ REDIS: redis.url }, file)
    expect(JSON.parse(output)).toEqual({ value: 'yes', opened: 1, name: 'packed' })
  })

  test('is typed', { timeout: 60_000 }, async () => {
    await project.write('ioredis-typed.mts', IOREDIS_TYPED)
    const flags = ['--strict', '--noEmit', '--target', 'es2022', '--types', 'node', '--module', 'nodenext', '--skipLibCheck']
    await project.tsc(...flags, 'ioredis-typed.mts')
  })
})
