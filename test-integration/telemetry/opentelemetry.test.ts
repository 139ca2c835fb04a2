import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as current from '@opentelemetry/sdk-metrics'
import * as newest from '@opentelemetry/sdk-metrics-3'
import { poolMetrics } from '@poolkeeper/opentelemetry'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { type LoadedPool, loadedPools, serverView } from './loaded-pools.ts'
import type { Comparison } from './pg-instrumentation.fixture.ts'

const address = requireServer('postgres')
const run = promisify(execFile)

type Sdk = Pick<typeof current, 'MeterProvider' | 'MetricReader'>
type Read = (pool: LoadedPool, name: string, state?: string) => unknown

const SDKS: readonly { readonly version: string; readonly sdk: Sdk }[] = [
  { version: '2', sdk: current },
  { version: '3', sdk: newest as unknown as Sdk },
]

function collecting({ MeterProvider, MetricReader }: Sdk): () => Promise<Read> {
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
      .flatMap(({ descriptor, dataPoints }) => dataPoints.map((point) => ({ name: descriptor.name, ...point })))
    return (pool, name, state) =>
      points.find(
        ({ name: own, attributes }) =>
          own === `db.client.connection.${name}` &&
          attributes['db.client.connection.pool.name'] === pool.name &&
          attributes['db.client.connection.state'] === state,
      )?.value
  }
}

async function comparisonsOf(mode: 'both' | 'dropped'): Promise<Comparison[]> {
  const fixture = fileURLToPath(new URL('pg-instrumentation.fixture.ts', import.meta.url))
  const env = { ...process.env, NODE_OPTIONS: '' }
  const { stdout } = await run(process.execPath, ['--import', 'tsx', fixture, address.url, mode], { env })
  return JSON.parse(stdout) as Comparison[]
}

address.describe('OpenTelemetry', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  describe.each(SDKS)('with the SDK $version', ({ version, sdk }) => {
    test('counts three pools under load as the server does: at rest, while all is held, after the close', async () => {
      const collect = collecting(sdk)
      const pools = loadedPools(server, `otel ${version}`)
      const queries = 40
      await Promise.all(pools.flatMap((pool) => Array.from({ length: queries }, () => pool.query())))
      const atRest = await collect()
      for (const pool of pools) {
        const seen = await serverView(server, pool)
        expect(atRest(pool, 'count', 'idle')).toBe(seen.idle)
        expect(atRest(pool, 'count', 'used')).toBe(0)
        expect(seen).toEqual({ open: seen.idle, idle: seen.idle, used: 0 })
        expect(atRest(pool, 'limit')).toBe(pool.max)
        expect(atRest(pool, 'wait_time')).toMatchObject({ count: queries })
        expect(atRest(pool, 'use_time')).toMatchObject({ count: queries })
        expect(atRest(pool, 'create_time')).toMatchObject({ count: seen.open })
      }
      const held = await Promise.all(pools.map((pool) => Promise.all([pool.hold(), pool.hold()])))
      for (const { keeper } of pools) keeper.pause()
      const waiting = pools.flatMap((pool) => [pool.query(), pool.query()])
      await new Promise((resolve) => setImmediate(resolve))
      const atPause = await collect()
      for (const pool of pools) {
        const seen = await serverView(server, pool)
        expect([atPause(pool, 'count', 'used'), atPause(pool, 'count', 'idle')]).toEqual([seen.used, seen.idle])
        expect(seen.used).toBe(2)
        expect(atPause(pool, 'pending_requests')).toBe(2)
      }
      for (const { keeper } of pools) keeper.resume()
      for (const giveBack of held.flat()) await giveBack()
      await Promise.all(waiting)
      await Promise.all(pools.map((pool) => pool.end()))
      const closed = await collect()
      for (const pool of pools) expect(closed(pool, 'count', 'idle')).toBeUndefined()
    })
  })

  // What the README of @poolkeeper/opentelemetry says of both.
  describe('beside the instrumentation of pg', () => {
    test('ours is the truth for each pool; theirs has one series for two pools, none for Knex, and no caller that waits', { timeout: 120_000 }, async () => {
      const moments = await comparisonsOf('both')
      expect(moments.map(({ moment }) => moment)).toEqual(['at rest', 'all held, two wait', 'closed'])
      const [rest, held, closed] = moments.map(({ pools }) => pools)
      for (const { ours, truth } of [...(rest ?? []), ...(held ?? [])]) expect(ours).toEqual(truth)
      for (const { ours } of closed ?? []) expect(ours).toEqual({})
      const all = (rest ?? []).filter(({ pool }) => !pool.endsWith('knex')).reduce((sum, { truth }) => sum + (truth.idle ?? 0), 0)
      expect(new Set(rest?.map(({ theirs }) => JSON.stringify(theirs))).size).toBe(1)
      expect(rest?.[0]?.theirs.idle).not.toBe(all)
      expect(held?.[0]?.theirs.pending).toBe(0)
    })

    test('with the view, nothing of theirs is left, and ours is as it was', { timeout: 120_000 }, async () => {
      const rows = (await comparisonsOf('dropped')).flatMap(({ moment, pools }) => (moment === 'closed' ? [] : pools))
      expect(rows).toHaveLength(6)
      for (const { ours, theirs, truth } of rows) expect({ ours, theirs }).toEqual({ ours: truth, theirs: {} })
    })
  })
})
