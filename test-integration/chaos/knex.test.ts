import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolKeeper, PoolPolicyOptions } from '@poolkeeper/knex'
import { keeperOf, withPoolPolicy } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../faults/proxy.ts'
import { attachMariadb, startMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { attachPostgres, type PostgresServer, startPostgres } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { silent, type KnexWire } from '../hosts/knex-harness.ts'
import { mariadbWire } from '../hosts/mariadb-wire.ts'
import { postgresWire } from '../hosts/postgres-wire.ts'
import { answersWithin, burst, failed, fill, inTurn, report, steadily, timeToHold, whileWanted, worst } from './load.ts'
import { stopProcess, type StoppedProcess } from './stopped.ts'

const postgres = requireServer('postgres')
const mariadb = requireServer('mariadb')

/** Knex's own. */
const MAX = 10
/** Longer than the window of half a second. */
const IDLE_MILLIS = 600
const VALIDATION_TIMEOUT_MILLIS = 1_000
const BARE_CUT_OFF_MILLIS = 3_000
/** Nobody listens; the server starts, or shuts down. */
const CONNECT_CODES: ReadonlySet<unknown> = new Set(['ECONNREFUSED', '57P03'])

interface Scene {
  readonly db: Knex
  readonly keeper: PoolKeeper
  readonly proxy: FaultProxy
  readonly label: string
}

let scenes = 0

async function prepare(wire: KnexWire, make: (config: Knex.Config) => Knex): Promise<Omit<Scene, 'keeper'>> {
  if (wire.target === undefined) throw new Error('no server')
  const label = `chaos_${++scenes}`
  const proxy = await startFaultProxy({ target: wire.target })
  const { pool: _small, ...config } = silent(await wire.config(proxy, label))
  onTestFinished(() => wire.forget(label))
  return { db: make(config), proxy, label }
}

/** A kept Knex with Knex's own pool settings, and our defaults. Its close must end, whatever was broken. */
async function kept(wire: KnexWire, policy: PoolPolicyOptions = {}, more: Partial<Knex.Config> = {}): Promise<Scene> {
  const scene = await prepare(wire, (config) => knex(withPoolPolicy({ ...config, ...more }, policy)))
  onTestFinished(async () => {
    scene.proxy.heal()
    await scene.db.destroy()
    await scene.proxy.close()
  })
  return { ...scene, keeper: keeperOf(scene.db) }
}

/** Its close would not end before the network tells it of its dead. */
async function bare(wire: KnexWire): Promise<Omit<Scene, 'keeper'>> {
  const scene = await prepare(wire, knex)
  onTestFinished(async () => {
    await scene.proxy.close()
    await scene.db.destroy()
  })
  return scene
}

/** Checks enough for the pool to know how long they usually take. */
async function giveHistory({ db }: Scene): Promise<void> {
  await fill(db, MAX)
  await sleep(IDLE_MILLIS)
  await fill(db, MAX)
}

async function atRest({ keeper }: Scene): Promise<void> {
  await vi.waitUntil(() => {
    const { used, validating, opening, closing, pending } = keeper.stats()
    return used + validating + opening + closing + pending === 0
  }, 5_000)
}

function closedBy(keeper: PoolKeeper): number {
  return Object.values(keeper.stats().closes).reduce((sum, count) => sum + count, 0)
}

function describeKills(wireOf: () => KnexWire): void {
  describe('P-050: (a) every connection is killed by the server', () => {
    test.each(['noticed', 'not noticed yet'])('idle for longer than the window, %s: no request fails', async (how) => {
      const wire = wireOf()
      const scene = await kept(wire)
      await fill(scene.db, MAX)
      await sleep(IDLE_MILLIS)
      const door = wire.door(scene.label)
      if (how === 'noticed') {
        await door.kill()
        // A server that kills one by one gives the last of them time to answer a check first; what is lent
        // right after that died inside the window.
        await vi.waitUntil(() => closedBy(scene.keeper) === MAX, 5_000)
      } else door.killUnseen()
      const requests = await inTurn(scene.db, 20, 1_000)
      report(`(a) idle, ${how}`, { errors: failed(requests).length, 'of requests': requests.length, 'worst ms': worst(requests) })
      expect(failed(requests)).toEqual([])
      await atRest(scene)
    })

    test('inside the window: at most one error a connection', async () => {
      const wire = wireOf()
      const scene = await kept(wire)
      await fill(scene.db, MAX)
      wire.door(scene.label).killUnseen()
      const requests = await inTurn(scene.db, 20, 1_000)
      report('(a) inside the window', { errors: failed(requests).length, 'of requests': requests.length, 'at most': MAX })
      expect(failed(requests).length).toBeLessThanOrEqual(MAX)
      expect(failed(await inTurn(scene.db, 20, 200))).toEqual([])
      await atRest(scene)
    })
  })
}

function describeBlackholes(wireOf: () => KnexWire): void {
  describe('P-054: (b) a full idle pool is swallowed by the network', () => {
    test.each([
      { history: 'without history', limit: 1.5 * VALIDATION_TIMEOUT_MILLIS },
      { history: 'with history', limit: 400 },
    ])('$history: every request succeeds within $limit ms', async ({ history, limit }) => {
      const scene = await kept(wireOf())
      const rival = await bare(wireOf())
      if (history === 'with history') await giveHistory(scene)
      await Promise.all([fill(scene.db, MAX), fill(rival.db, MAX)])
      await sleep(IDLE_MILLIS)
      scene.proxy.blackhole()
      const requests = await burst(scene.db, 20)
      const after = await burst(scene.db, 20)
      rival.proxy.blackhole()
      const bareRequests = await answersWithin(rival.db, 20, BARE_CUT_OFF_MILLIS)
      const bareAnswers = bareRequests.length - failed(bareRequests).length
      report(`(b) blackhole, ${history}`, {
        answered: `${requests.length - failed(requests).length} of 20`,
        'worst ms': worst(requests),
        limit,
        'next worst ms': worst(after),
        [`bare Knex, cut off after ${BARE_CUT_OFF_MILLIS} ms`]: `${bareAnswers} of 20`,
      })
      expect(failed([...requests, ...after])).toEqual([])
      expect(worst(requests)).toBeLessThanOrEqual(limit)
      await atRest(scene)
      expect(scene.proxy.openConnections).toBeLessThanOrEqual(MAX + 1)
    })

    test('a server that is 600 ms slow loses not one connection', async () => {
      const scene = await kept(wireOf())
      await giveHistory(scene)
      await sleep(IDLE_MILLIS)
      scene.proxy.delay(600)
      const requests = await burst(scene.db, 20)
      scene.proxy.delay(0)
      await atRest(scene)
      const { closes, validations } = scene.keeper.stats()
      const { overflow } = closes
      const closed = closedBy(scene.keeper) - overflow
      report('(b) 600 ms slow', { closed, 'rivals closed': overflow, 'worst ms': worst(requests) })
      expect(failed(requests)).toEqual([])
      expect(closed, JSON.stringify(closes)).toBe(0)
      expect(validations).toMatchObject({ failed: 0, timedOut: 0 })
    })
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
  const wire = (): KnexWire => postgresWire(server)

  beforeAll(async () => {
    // A server of our own, for it is restarted.
    server = await startPostgres({ settings: {} })
  })
  afterAll(() => server.stop())

  describeKills(wire)
  describeBlackholes(wire)

  test('P-021: (c) new connects are swallowed as well, for 5 s: every caller has an answer, and the pool is whole again', async () => {
    const deadline = 2_000
    const scene = await kept(wire(), {}, { acquireConnectionTimeout: deadline })
    const rejections: unknown[] = []
    const onRejection = (reason: unknown): void => void rejections.push(reason)
    process.on('unhandledRejection', onRejection)
    await fill(scene.db, MAX)
    await sleep(IDLE_MILLIS)
    scene.proxy.blackhole({ newConnections: true })
    let isOut = true
    const requesting = whileWanted(scene.db, 20, () => isOut)
    await sleep(5_000)
    isOut = false
    scene.proxy.heal()
    const whole = await timeToHold(scene.db, MAX)
    const requests = await requesting
    report('(c) outage of 5 s', { requests: requests.length, 'worst ms': worst(requests), deadline, 'whole after ms': whole })
    process.removeListener('unhandledRejection', onRejection)
    expect(worst(requests)).toBeLessThan(deadline + 300)
    // One second until the next attempt is sent, and the connect itself.
    expect(whole).toBeLessThan(1_000 + 300)
    expect(rejections).toEqual([])
    await atRest(scene)
    await vi.waitUntil(() => scene.proxy.openConnections === MAX, 2_000)
  })

  test('P-070: (d) connections are recycled at their age under 200 requests a second, and no caller pays for it', async () => {
    const scene = await kept(wire(), { maxLifetimeMillis: 2_000 })
    await fill(scene.db, MAX)
    const door = wire().door(scene.label)
    const seen = { most: 0, replacedAtOnce: 0 }
    let isOver = false
    const watching = (async () => {
      while (!isOver) {
        seen.most = Math.max(seen.most, (await door.connections()).length)
        const { opening, closing } = scene.keeper.stats()
        seen.replacedAtOnce = Math.max(seen.replacedAtOnce, opening + closing)
        await sleep(2)
      }
    })()
    const requests = await steadily(scene.db, 200, 10_000)
    isOver = true
    await watching
    const { opens, replacements, closes, waitMillis } = scene.keeper.stats()
    report('(d) recycling', {
      requests: requests.length,
      replaced: closes.maxLifetime,
      'paid for a connect': opens.ok - MAX - replacements,
      'at once': seen.replacedAtOnce,
      'most at the server': seen.most,
      'wait p99 ms': waitMillis.p99.toFixed(2),
      'worst ms': worst(requests),
    })
    expect(failed(requests)).toEqual([])
    expect(closes.maxLifetime).toBeGreaterThanOrEqual(3 * MAX)
    expect(opens.ok - MAX - replacements).toBe(0)
    expect(seen.replacedAtOnce).toBeLessThanOrEqual(MAX / 4)
    expect(seen.most).toBeLessThanOrEqual(MAX + 1)
  })

  test.each(['fast', 'immediate'] as const)(
    'P-182: (e) the server is restarted (%s) under load: it costs what was in flight, and what came while it was down',
    async (mode) => {
      const scene = await kept(wire())
      await fill(scene.db, MAX)
      let isWanted = true
      const requesting = whileWanted(scene.db, 20, () => isWanted)
      await sleep(500)
      const downAt = performance.now()
      await server.restart(mode)
      const upAt = performance.now()
      const whole = await timeToHold(scene.db, MAX)
      await sleep(1_000)
      isWanted = false
      const requests = await requesting
      const before = failed(requests).filter(({ startedAt, millis }) => startedAt + millis < downAt)
      const after = failed(requests).filter(({ startedAt }) => startedAt > upAt)
      report(`(e) restart, ${mode}`, {
        'down ms': upAt - downAt,
        'errors while down': failed(requests).length - before.length - after.length,
        'after its return': after.length,
        'whole after ms': whole,
      })
      expect(before).toEqual([])
      expect(after).toEqual([])
      expect(whole).toBeLessThan(2_000)
      await atRest(scene)
    },
  )

  test('P-023: (e) with createRetry, a restart costs what was in flight, and nothing of what came while it was down', async () => {
    const scene = await kept(wire(), { createRetry: true })
    await fill(scene.db, MAX)
    let isWanted = true
    const requesting = whileWanted(scene.db, 20, () => isWanted)
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
  const wire = (): KnexWire => mariadbWire(server, 'mysql2')

  beforeAll(async () => {
    server = await attachMariadb(mariadb)
  })
  afterAll(() => server.stop())

  describeKills(wire)
  describeBlackholes(wire)
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
