import { collectPools } from '@poolkeeper/prometheus'
import * as current from 'prom-client'
import * as older from 'prom-client-14'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { loadedPools, serverView } from './loaded-pools.ts'
import { type MetricsServer, serveMetrics } from './metrics-server.ts'

const address = requireServer('postgres')

const VERSIONS = [
  { version: '14', makeRegistry: () => new older.Registry() },
  { version: '15', makeRegistry: () => new current.Registry() },
]

type Samples = ReadonlyMap<string, number>

/** As Prometheus does it. */
async function scraped({ port }: MetricsServer): Promise<Samples> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

address.describe('Prometheus', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  describe.each(VERSIONS)('through prom-client $version', ({ version, makeRegistry }) => {
    test('counts three pools under load as the server does: at rest, while all is held, after the close', async () => {
      const registry = makeRegistry()
      collectPools(registry)
      const metrics = await serveMetrics(registry)
      onTestFinished(() => metrics.close())
      const pools = loadedPools(server, `prom ${version}`)
      const queries = 40
      await Promise.all(pools.flatMap((pool) => Array.from({ length: queries }, () => pool.query())))

      const atRest = await scraped(metrics)
      for (const pool of pools) {
        const of = (name: string, labels = ''): number | undefined => atRest.get(`poolkeeper_pool_${name}{pool="${pool.name}"${labels}}`)
        const seen = await serverView(server, pool)
        expect(of('connections', ',state="idle"')).toBe(seen.idle)
        expect(of('connections', ',state="used"')).toBe(0)
        expect(seen).toEqual({ open: seen.idle, idle: seen.idle, used: 0 })
        expect(of('max_connections')).toBe(pool.max)
        expect(of('acquires_total', ',outcome="ok"')).toBe(queries)
        expect(of('acquire_wait_seconds_count')).toBe(queries)
        expect(of('use_seconds_count')).toBe(queries)
        expect(of('opens_total', ',outcome="ok"')).toBe(seen.open)
        expect(of('open_seconds_count')).toBe(seen.open)
      }

      // Held, and nothing moves: callers wait for what nobody gives back.
      const held = await Promise.all(pools.map((pool) => Promise.all([pool.hold(), pool.hold()])))
      for (const { keeper } of pools) keeper.pause()
      const waiting = pools.flatMap((pool) => [pool.query(), pool.query()])
      const atPause = await scraped(metrics)
      for (const pool of pools) {
        const of = (name: string, labels = ''): number | undefined => atPause.get(`poolkeeper_pool_${name}{pool="${pool.name}"${labels}}`)
        const seen = await serverView(server, pool)
        expect(seen.used).toBe(2)
        expect(of('connections', ',state="used"')).toBe(seen.used)
        expect(of('connections', ',state="idle"')).toBe(seen.idle)
        expect(of('pending_acquires')).toBe(2)
        expect(of('state', ',state="paused"')).toBe(1)
      }

      for (const { keeper } of pools) keeper.resume()
      for (const giveBack of held.flat()) await giveBack()
      await Promise.all(waiting)
      await Promise.all(pools.map((pool) => pool.end()))
      const afterClose = await scraped(metrics)
      expect([...afterClose.keys()].filter((name) => pools.some((pool) => name.includes(pool.name)))).toEqual([])
    })
  })
})
