import { setTimeout as sleep } from 'node:timers/promises'
import { keeperOf, withPoolPolicy } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { attachMariadb, startMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { attachPostgres, type PostgresServer, startPostgres } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { silent, type KnexWire } from '../hosts/knex-harness.ts'
import { mariadbWire } from '../hosts/mariadb-wire.ts'
import { postgresWire } from '../hosts/postgres-wire.ts'
import { type Address, type ChaosHost, chaosHost, MAX } from './chaos-host.ts'
import { failed, fill, report, whileWanted } from './load.ts'
import { atRest, describeBlackholes, describeKills, describeOutage, describeRecycling, describeRestarts } from './pool-faults.ts'
import { stopProcess, type StoppedProcess } from './stopped.ts'

const postgres = requireServer('postgres')
const mariadb = requireServer('mariadb')

/** Nobody listens; the server starts, or shuts down. */
const CONNECT_CODES: ReadonlySet<unknown> = new Set(['ECONNREFUSED', '57P03'])

/** Knex's own pool settings, on one dialect. */
function knexHost(wire: KnexWire): ChaosHost {
  const { target } = wire
  if (target === undefined) throw new Error('no server')

  async function configOf(at: Address, label: string): Promise<Knex.Config> {
    const { pool: _small, ...config } = silent(await wire.config(at, label))
    onTestFinished(() => wire.forget(label))
    return config
  }

  return chaosHost({
    name: 'Knex',
    target,
    door: (label) => wire.door(label),
    async kept(at, label, policy) {
      const db = knex(withPoolPolicy(await configOf(at, label), policy))
      return { pool: db, keeper: keeperOf(db), end: () => db.destroy() }
    },
    async bare(at, label) {
      const db = knex(await configOf(at, label))
      return { pool: db, end: () => db.destroy() }
    },
  })
}

/** A process that is stopped, on a server of which nothing else in this file ends or restarts a connection. */
interface Stop {
  readonly process: StoppedProcess
  /** Takes down what the process leaves. */
  end(): Promise<void>
}

/** Stopped before the first test and let go in the last: so its half minute costs the run nothing. */
const stops = new Map<string, Stop>()
const STOPPED_MILLIS = 30_000

async function stopOnPostgres(): Promise<Stop> {
  const server = await attachPostgres(postgres)
  const wire = postgresWire(server)
  const process = await stopProcess(await wire.config(server, 'chaos_stopped'))
  const idle = 'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and pid <> all($2)'
  await server.admin.query(idle, ['chaos_stopped', process.inUse])
  return { process, end: () => server.stop() }
}

async function stopOnMariadb(): Promise<Stop> {
  const server = await startMariadb({ settings: {} })
  const wire = mariadbWire(server, 'mysql2')
  const process = await stopProcess(await wire.config(server, 'chaos_stopped'))
  for (const { id } of await wire.door('chaos_stopped').connections()) {
    if (!process.inUse.includes(id)) await server.admin.query(`kill ${id}`)
  }
  return { process, end: () => server.stop() }
}

beforeAll(async () => {
  if (postgres.url !== '') stops.set('PostgreSQL', await stopOnPostgres())
  if (mariadb.url !== '') stops.set('MariaDB', await stopOnMariadb())
})

afterAll(async () => {
  for (const { process, end } of stops.values()) {
    process.end()
    await end()
  }
})

describe('Knex on PostgreSQL', () => {
  let server: PostgresServer
  const host = (): ChaosHost => knexHost(postgresWire(server))

  beforeAll(async () => {
    // A server of our own, for it is restarted.
    server = await startPostgres({ settings: {} })
  })
  afterAll(() => server.stop())

  describeKills(host)
  describeBlackholes(host)
  describeOutage(host)
  describeRecycling(host)
  describeRestarts(host, (mode) => server.restart(mode))

  test('P-023: (e) with createRetry, a restart costs what was in flight, and nothing of what came while it was down', async () => {
    const scene = await host().kept({ createRetry: true })
    await fill(scene.pool, MAX)
    let isWanted = true
    const requesting = whileWanted(scene.pool, 20, () => isWanted)
    await sleep(500)
    const downAt = performance.now()
    await server.restart('fast')
    const upAt = performance.now()
    await sleep(1_500)
    isWanted = false
    const requests = await requesting
    const served = requests.filter(({ startedAt, millis, error }) => error === undefined && startedAt < upAt && startedAt + millis > upAt)
    report('(e) restart, with createRetry', {
      'down ms': upAt - downAt,
      'errors, with 10 in flight': failed(requests).length,
      'waited for its return, and were served': served.length,
    })
    expect(failed(requests).filter(({ error }) => CONNECT_CODES.has((error as { code?: unknown }).code))).toEqual([])
    expect(failed(requests).length).toBeLessThanOrEqual(2 * MAX)
    expect(served.length).toBeGreaterThan(0)
    expect(failed(requests).filter(({ startedAt }) => startedAt > upAt)).toEqual([])
    await atRest(scene)
  })
})

mariadb.describe('Knex on MariaDB, with mysql2', () => {
  let server: MariadbServer
  const host = (): ChaosHost => knexHost(mariadbWire(server, 'mysql2'))

  beforeAll(async () => {
    server = await attachMariadb(mariadb)
  })
  afterAll(() => server.stop())

  describeKills(host)
  describeBlackholes(host)
})

describe.each([
  ['PostgreSQL', postgres],
  ['MariaDB', mariadb],
])('Knex in a process of its own, on %s', (name, required) => {
  required.describe('P-086: stopped for half a minute, while the server ends what it has idle', () => {
    test('meets no error under the load of its first moment, no leak and no timeout, and knows that it was frozen', async () => {
      const aftermath = await stops.get(name)?.process.runAgainAfter(STOPPED_MILLIS)
      const { requests = 0, worstMillis = Infinity, frozenMillis = [] } = aftermath ?? {}
      report(`stopped, ${name}`, { requests, 'worst ms': worstMillis, 'frozen ms': frozenMillis.join(', ') })
      expect(aftermath).toMatchObject({ errors: [], complaints: [], holding: 'committed', waiting: 'served' })
      expect(Math.max(...frozenMillis)).toBeGreaterThan(STOPPED_MILLIS - 2_000)
    }, 2 * STOPPED_MILLIS)
  })
})
