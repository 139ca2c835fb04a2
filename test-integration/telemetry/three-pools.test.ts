import { collectPools } from '@poolkeeper/prometheus'
import { poolMetrics } from '@poolkeeper/opentelemetry'
import * as current from '@opentelemetry/sdk-metrics'
import * as newest from '@opentelemetry/sdk-metrics-3'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { attachRedis, type RedisServer } from '../harness/redis.ts'
import { requireServer } from '../harness/require-server.ts'
import { until } from '../harness/until.ts'
import { drizzlePool, knexPool, type LoadedPool, serverView, type ServerView } from './loaded-pools.ts'
import { loadedRedisPool } from './loaded-redis-pool.ts'

type Sdk = Pick<typeof current, 'MeterProvider' | 'MetricReader'>
/** What one exporter says of one pool; `undefined`: there is no such series. */
type Told = Readonly<Record<'used' | 'idle' | 'pending' | 'limit' | 'waits', number | undefined>>
type Exporter = () => Promise<(pool: LoadedPool) => Told>

const postgres = requireServer('postgres')
const redis = requireServer('redis')
const NOTHING: Told = { used: undefined, idle: undefined, pending: undefined, limit: undefined, waits: undefined }

function throughSdk({ MeterProvider, MetricReader }: Sdk): Exporter {
  class Reader extends MetricReader {
    protected async onShutdown(): Promise<void> {}
    protected async onForceFlush(): Promise<void> {}
  }
  const reader = new Reader({ metricProducers: [poolMetrics()] })
  const provider = new MeterProvider({ readers: [reader] })
  onTestFinished(() => provider.shutdown())
  return async () => {
    const { resourceMetrics } = await reader.collect()
    const points = resourceMetrics.scopeMetrics
      .flatMap(({ metrics }) => metrics)
      .flatMap(({ descriptor, dataPoints }) => dataPoints.map(({ attributes, value }) => ({ name: descriptor.name, attributes, value })))
    return ({ name: pool }) => {
      const of = (name: string, state?: string): unknown =>
        points.find(
          (point) =>
            point.name === `db.client.connection.${name}` &&
            point.attributes['db.client.connection.pool.name'] === pool &&
            point.attributes['db.client.connection.state'] === state,
        )?.value
      return {
        used: of('count', 'used') as number | undefined,
        idle: of('count', 'idle') as number | undefined,
        pending: of('pending_requests') as number | undefined,
        limit: of('limit') as number | undefined,
        waits: (of('wait_time') as { count: number } | undefined)?.count,
      }
    }
  }
}

function throughPromClient(): Exporter {
  const registry = new Registry()
  collectPools(registry)
  return async () => {
    const lines = (await registry.metrics()).split('\n')
    return ({ name: pool }) => {
      const of = (name: string, labels = ''): number | undefined => {
        const start = `poolkeeper_pool_${name}{pool="${pool}"${labels}} `
        const line = lines.find((one) => one.startsWith(start))
        return line === undefined ? undefined : Number(line.slice(start.length))
      }
      return {
        used: of('connections', ',state="used"'),
        idle: of('connections', ',state="idle"'),
        pending: of('pending_acquires'),
        limit: of('max_connections'),
        waits: of('acquire_wait_seconds_count'),
      }
    }
  }
}

postgres.describe('A process with a pool of Knex, one below Drizzle', () => {
  redis.describe('and one of ioredis', () => {
    let server: PostgresServer
    let store: RedisServer

    beforeAll(async () => {
      server = await attachPostgres(postgres)
      store = await attachRedis(redis)
    })
    afterAll(() => Promise.all([server.stop(), store.stop()]))

    test('is told of as both servers see it, by both lines of the SDK and by prom-client: at rest, at a pause, after the close', async () => {
      const ofKnex = knexPool(server, 'three knex')
      const ofDrizzle = drizzlePool(server, 'three drizzle')
      const ofRedis = loadedRedisPool(store, 'three ioredis')
      const pools = [ofKnex, ofDrizzle, ofRedis]
      const viewOf = (pool: LoadedPool): Promise<ServerView> => (pool === ofRedis ? ofRedis.view() : serverView(server, pool))
      const exporters = { 'SDK 2': throughSdk(current), 'SDK 3': throughSdk(newest as unknown as Sdk), 'prom-client': throughPromClient() }
      const everybodySays = async (pool: LoadedPool, told: Told): Promise<void> => {
        for (const [exporter, collect] of Object.entries(exporters)) {
          expect({ exporter, pool: pool.name, ...(await collect())(pool) }).toEqual({ exporter, pool: pool.name, ...told })
        }
      }
      const queries = 40
      await Promise.all(pools.flatMap((pool) => Array.from({ length: queries }, () => pool.query())))
      for (const pool of pools) {
        // The answer is told to its caller before the connection is back.
        await until('it rests', async () => pool.keeper.stats().used === 0)
        const { open } = await viewOf(pool)
        expect(open).toBeGreaterThan(0)
        await everybodySays(pool, { used: 0, idle: open, pending: 0, limit: pool.max, waits: queries })
      }

      const held: (() => Promise<void>)[] = []
      for (const pool of pools) for (let hold = 0; hold < 2; hold++) held.push(await pool.hold())
      for (const { keeper } of pools) keeper.pause()
      const waiting = pools.flatMap((pool) => [pool.query(), pool.query(), pool.query()])
      for (const pool of pools) {
        await until('three wait', async () => pool.keeper.stats().pending === 3)
        const { used, idle } = await viewOf(pool)
        expect(used).toBe(2)
        await everybodySays(pool, { used, idle, pending: 3, limit: pool.max, waits: queries + 2 })
      }

      for (const { keeper } of pools) keeper.resume()
      await Promise.all([...held.map((giveBack) => giveBack()), ...waiting])
      await Promise.all(pools.map((pool) => pool.end()))
      for (const pool of pools) await everybodySays(pool, NOTHING)
    })
  })
})
