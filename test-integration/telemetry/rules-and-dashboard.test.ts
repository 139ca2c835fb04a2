import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { collectPools } from '@poolkeeper/prometheus'
import { Gauge, Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { type Alert, type PrometheusServer, prometheusProgram, requirePrometheus, startPrometheus } from '../harness/prometheus.ts'
import { attachRedis, type RedisServer } from '../harness/redis.ts'
import { requireServer } from '../harness/require-server.ts'
import { until } from '../harness/until.ts'
import { type LoadedPool, loadedPools, serverView, type ServerView } from './loaded-pools.ts'
import { type LoadedRedisPool, loadedRedisPool } from './loaded-redis-pool.ts'
import { type MetricsServer, serveMetrics } from './metrics-server.ts'

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string; readonly refId: string }[] }[]
  readonly templating: { readonly list: readonly { readonly definition?: string }[] }
}

const FOLDER = fileURLToPath(new URL('../../packages/prometheus/', import.meta.url))
const rules = readFileSync(`${FOLDER}rules/poolkeeper.rules.yml`, 'utf8')
const { panels, templating } = JSON.parse(readFileSync(`${FOLDER}grafana/poolkeeper.dashboard.json`, 'utf8')) as Dashboard

const postgres = requireServer('postgres')
const redis = requireServer('redis')
const describePrometheus = requirePrometheus()

/** Both are needed. */
const describeServers = (title: string, body: () => void): void => postgres.describe(title, () => redis.describe('of both kinds', body))

describePrometheus('promtool', () => {
  const promtool = (...args: string[]): Promise<{ stdout: string }> =>
    promisify(execFile)(prometheusProgram('promtool'), args, { cwd: `${FOLDER}rules` })

  test('finds nothing wrong with the rules', async () => {
    expect((await promtool('check', 'rules', 'poolkeeper.rules.yml')).stdout).toContain('SUCCESS: 18 rules found')
  })

  test('sees each alert fire when it is to, and not when it is not', async () => {
    expect((await promtool('test', 'rules', 'poolkeeper.rules.test.yml')).stdout).toContain('SUCCESS')
  })
})

/** As Grafana does it, when nothing is chosen. */
function filledIn(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll(/\$(job|instance|pool)\b/g, '.*')
}

describePrometheus('A Prometheus with our rules', () => {
  describeServers('that scrapes four pools', () => {
    let server: PostgresServer
    let store: RedisServer
    let ofRedis: LoadedRedisPool
    let prometheus: PrometheusServer
    let metrics: MetricsServer
    let pools: readonly LoadedPool[]

    beforeAll(async () => {
      server = await attachPostgres(postgres)
      store = await attachRedis(redis)
      ofRedis = loadedRedisPool(store, 'rules ioredis')
      pools = [...loadedPools(server, 'rules'), ofRedis]
      const registry = new Registry()
      collectPools(registry)
      await exportLimit(server, registry)
      metrics = await serveMetrics(registry)
      prometheus = await startPrometheus({
        targets: { shop: metrics.port },
        // Nobody waits minutes here for what is to last for minutes.
        rules: rules.replaceAll(/^( +for:) .*$/gm, '$1 1s'),
        intervalMillis: 200,
      })
    })
    afterAll(async () => {
      await prometheus.stop()
      await metrics.close()
      await Promise.all(pools.map((pool) => pool.end()))
      await Promise.all([server.stop(), store.stop()])
    })

    const viewOf = (pool: LoadedPool): Promise<ServerView> => (pool === ofRedis ? ofRedis.view() : serverView(server, pool))
    const valueOf = async (expression: string): Promise<number> => Number((await prometheus.query(expression))[0]?.value[1])
    const alertOf = async (name: string, pool: LoadedPool): Promise<Alert | undefined> =>
      (await prometheus.alerts()).find(({ labels }) => labels['alertname'] === name && labels['pool'] === pool.name)

    test('an exhausted pool is pending, then firing, and over when somebody gives a connection back', async () => {
      const [orders, ...others] = pools.filter((pool) => pool !== ofRedis) as [LoadedPool, ...LoadedPool[]]
      const held = await Promise.all(Array.from({ length: orders.max }, () => orders.hold()))
      // Used to the last connection, and nobody waits.
      const quiet = others.map(async (pool) => Promise.all(Array.from({ length: pool.max }, () => pool.hold())))
      const waiting = orders.query()
      const seen = new Set<string>()
      await until('the alert fires', async () => {
        const alert = await alertOf('PoolkeeperPoolExhausted', orders)
        if (alert !== undefined) seen.add(alert.state)
        return alert?.state === 'firing'
      })
      expect([...seen].at(-1)).toBe('firing')
      expect((await alertOf('PoolkeeperPoolExhausted', orders))?.annotations['summary']).toBe(
        `Pool ${orders.name} has no connection left, and 1 callers wait.`,
      )
      for (const pool of others) expect(await alertOf('PoolkeeperPoolExhausted', pool)).toBeUndefined()
      expect(await valueOf(`poolkeeper:pool_utilization:ratio{pool="${orders.name}"}`)).toBe(1)
      for (const giveBack of [...held, ...(await Promise.all(quiet)).flat()]) await giveBack()
      await waiting
      await until('the alert is over', async () => (await alertOf('PoolkeeperPoolExhausted', orders)) === undefined)
    })

    test('what each pool holds is what its server says, alone and all together', async () => {
      await ofRedis.query()
      const held = await Promise.all(pools.map((pool) => pool.hold()))
      const views = await Promise.all(pools.map(async (pool) => ({ pool, ...(await viewOf(pool)) })))
      expect(views.map(({ used }) => used)).toEqual([1, 1, 1, 1])
      await until('each count is the server’s', async () => {
        const told = await Promise.all(views.map(({ pool: { name } }) => valueOf(`poolkeeper_pool_connections{pool="${name}", state="used"}`)))
        return told.every((used) => used === 1)
      })
      for (const { pool, idle } of views) expect(await valueOf(`poolkeeper_pool_connections{pool="${pool.name}", state="idle"}`)).toBe(idle)
      for (const { host, port, system } of [{ ...placeOf(server), system: 'postgresql' }, { ...placeOf(store), system: 'redis' }]) {
        const open = views.filter(({ pool }) => (pool === ofRedis) === (system === 'redis')).reduce((sum, view) => sum + view.open, 0)
        const all = `poolkeeper:server_connections:sum{server="${host}:${port}", system="${system}"}`
        await until('all together are the server’s', async () => (await valueOf(all)) === open)
      }
      for (const giveBack of held) await giveBack()
      expect(await valueOf('poolkeeper:server_max_connections:sum{system="postgresql"}')).toBe(9)
      expect(await valueOf('poolkeeper:server_limit:connections')).toBe(await limitOf(server))
    })

    test('each expression of the dashboard is understood, and gives a series', async () => {
      await Promise.all(pools.map(({ keeper }) => keeper.evictIdle()))
      await Promise.all(pools.flatMap((pool) => [pool.query(), pool.query()]))
      const expressions = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr, refId }) => ({ name: `${title} ${refId}`, expr: filledIn(expr) })))
      expect(expressions.length).toBeGreaterThan(20)
      for (const { name, expr } of expressions) {
        await prometheus.query(expr)
        await until(`a series for ${name}: ${expr}`, async () => (await prometheus.query(expr)).length > 0)
      }
    })

    test('each variable of the dashboard has something to choose from', async () => {
      const choices = templating.list.flatMap(({ definition = '' }) => {
        const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(filledIn(definition)) ?? []
        return selector === '' ? [] : [{ label, selector }]
      })
      expect(choices.map(({ label }) => label)).toEqual(['job', 'instance', 'pool'])
      const [jobs, instances, names] = await Promise.all(choices.map(({ label, selector }) => prometheus.labelValues(label, selector)))
      expect([jobs, instances]).toEqual([['shop'], [`127.0.0.1:${metrics.port}`]])
      expect(names).toEqual(pools.map(({ name }) => name).sort())
    })

    test('a process that cannot be scraped any more is told of, with its pools', async () => {
      await metrics.close()
      await until('the alert fires', async () =>
        (await prometheus.alerts()).some(({ labels, state }) => labels['alertname'] === 'PoolkeeperPoolsNotSeen' && state === 'firing'),
      )
    })
  })
})

function placeOf({ host, port }: PostgresServer | RedisServer): { readonly host: string; readonly port: number } {
  return { host, port }
}

async function limitOf(server: PostgresServer): Promise<number> {
  const [row] = await server.admin.query<{ max_connections: string }>('show max_connections')
  return Number(row?.max_connections)
}

/** In place of postgres_exporter, by its name and label for it. */
async function exportLimit(server: PostgresServer, registry: Registry): Promise<void> {
  const help = 'Sets the maximum number of concurrent connections.'
  const gauge = new Gauge({ name: 'pg_settings_max_connections', help, labelNames: ['server'], registers: [registry] })
  gauge.set({ server: `${server.host}:${server.port}` }, await limitOf(server))
}
