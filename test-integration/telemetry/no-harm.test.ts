import { setTimeout as sleep } from 'node:timers/promises'
import { MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { findPoolkeeperError, logPools, type PoolLogLine } from '@poolkeeper/pg'
import { observePools, poolMetrics, traceWaits } from '@poolkeeper/opentelemetry'
import { collectPools } from '@poolkeeper/prometheus'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { until } from '../harness/until.ts'
import { type LoadedPool, loadedPools } from './loaded-pools.ts'

const address = requireServer('postgres')

type Way = 'throws' | 'rejects' | 'never answers'
const WAYS: readonly Way[] = ['throws', 'rejects', 'never answers']

/** What whoever is told of something does instead of his work. */
function misbehave(way: Way): Promise<never> {
  if (way === 'throws') throw new Error('it throws')
  return way === 'rejects' ? Promise.reject(new Error('it rejects')) : new Promise(() => {})
}

/** An exporter that has never done its work, and counts how often it was asked to. */
function badExporter(way: 'throws' | 'never answers'): PushMetricExporter & { asked: number } {
  return {
    asked: 0,
    export() {
      this.asked++
      if (way === 'throws') throw new Error('it throws')
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  }
}

address.describe('Who only looks on does no harm', () => {
  let server: PostgresServer
  let pools: readonly LoadedPool[]
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)

  beforeAll(async () => {
    server = await attachPostgres(address)
    pools = loadedPools(server, 'no harm')
    process.on('unhandledRejection', note)
    process.on('uncaughtException', note)
  })
  afterEach(() => {
    expect(unhandled.splice(0)).toEqual([])
  })
  afterAll(async () => {
    process.off('unhandledRejection', note)
    process.off('uncaughtException', note)
    await Promise.all(pools.map((pool) => pool.end()))
    await server.stop()
  })

  /** Callers who are served at once, callers who wait, and callers who are refused: each gets what he is due. */
  async function everybodyIsServed(): Promise<void> {
    for (const pool of pools) {
      const before = pool.keeper.stats().acquires
      const served = await Promise.allSettled(Array.from({ length: 20 }, () => pool.query()))
      expect(served.filter(({ status }) => status === 'rejected')).toEqual([])
      pool.keeper.pause({ waiters: 'fail' })
      const refused: unknown = await pool.query().catch((error: unknown) => error)
      expect(findPoolkeeperError(refused)?.code).toBe('PAUSED')
      pool.keeper.resume()
      expect(pool.keeper.stats().acquires).toMatchObject({ ok: before.ok + 20, refused: before.refused + 1, failed: before.failed })
      // The answer is told to its caller before the connection is back.
      await until('every connection is back', async () => pool.keeper.stats().used === 0)
    }
  }

  describe.each(WAYS)('one that %s', (way) => {
    test('as an observer', async () => {
      for (const { keeper } of pools) {
        onTestFinished(keeper.subscribe(() => misbehave(way)))
        onTestFinished(keeper.subscribe(() => misbehave(way), { withinCaller: true }))
      }
      await everybodyIsServed()
    })

    test('as a logger', async () => {
      const lines: PoolLogLine[] = []
      onTestFinished(
        logPools((line) => {
          lines.push(line)
          return misbehave(way)
        }),
      )
      await everybodyIsServed()
      expect(lines.length).toBeGreaterThanOrEqual(pools.length)
    })
  })

  test('a tracer that throws', async () => {
    let asked = 0
    const startSpan = (): never => {
      asked++
      throw new Error('it throws')
    }
    onTestFinished(traceWaits({ fromMillis: 0, tracerProvider: { getTracer: () => ({ startSpan, startActiveSpan: startSpan }) } }))
    await everybodyIsServed()
    expect(asked).toBeGreaterThan(0)
  })

  describe.each(['throws', 'never answers'] as const)('an exporter that %s', (way) => {
    test('of metrics that are handed over, and of those that are observed', async () => {
      const exporter = badExporter(way)
      const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 20, exportTimeoutMillis: 20, metricProducers: [poolMetrics()] })
      const meterProvider = new MeterProvider({ readers: [reader] })
      onTestFinished(observePools({ meterProvider, recordDurations: true }))
      while (exporter.asked < 2) {
        await everybodyIsServed()
        await sleep(5)
      }
      await meterProvider.shutdown().catch(() => {})
    })
  })

  test('a scrape whose answer nobody takes, and one beside a metric that never answers', async () => {
    const registry = new Registry()
    collectPools(registry)
    registry.registerMetric({ name: 'hangs', help: '', type: 'gauge', get: () => new Promise(() => {}), reset: () => {} } as never)
    const hanging = registry.metrics()
    await everybodyIsServed()
    expect(await Promise.race([hanging, Promise.resolve('still hanging')])).toBe('still hanging')
  })
})
