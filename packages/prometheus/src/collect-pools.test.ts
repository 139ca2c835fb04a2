import { attendedPools, type PoolKeeper } from '@poolkeeper/core'
import { forgetKeeper, registerKeeper } from '@poolkeeper/core'
import { simulatePool, type SimulatedPool, type SimulatedPoolOptions } from '@poolkeeper/core/testing'
import * as current from 'prom-client'
import * as older from 'prom-client-14'
import { afterEach, describe, expect, test } from 'vitest'
import { collectPools } from './collect-pools.ts'
import type { MetricsRegistry } from './registry.ts'

interface ScrapedRegistry extends MetricsRegistry {
  metrics(): Promise<string>
  clear(): void
}

const VERSIONS: readonly { readonly version: string; makeRegistry(): ScrapedRegistry }[] = [
  { version: '14', makeRegistry: () => new older.Registry() },
  { version: '15', makeRegistry: () => new current.Registry() },
]

const hosts: object[] = []

function attended(options: SimulatedPoolOptions = {}): SimulatedPool {
  const pool = simulatePool(options)
  attend(pool.keeper)
  return pool
}

function attend(keeper: PoolKeeper): object {
  const host = {}
  hosts.push(host)
  registerKeeper(host, keeper, {})
  return host
}

afterEach(() => {
  for (const host of hosts.splice(0)) forgetKeeper(host)
  expect(attendedPools()).toEqual([])
})

/** Every sample that is not 0, as `name{labels}` without the prefix. */
async function scrape(registry: ScrapedRegistry): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at).replace('poolkeeper_pool_', ''), Number(line.slice(at))] as const
    }),
  )
}

function nonZero(samples: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(samples).filter(([name, value]) => value !== 0 && !/_bucket|_sum/.test(name)))
}

describe.each(VERSIONS)('with prom-client $version', ({ makeRegistry }) => {
  test('a pool is shown as it is when somebody scrapes', async () => {
    const registry = makeRegistry()
    collectPools(registry)
    const { acquire, clock, keeper, release } = attended({ policy: { name: 'orders', min: 1, max: 2 } })
    await clock.until(keeper.ready())
    const held = await clock.until(acquire())
    expect(nonZero(await scrape(registry))).toEqual({
      'connections{pool="orders",state="used"}': 1,
      'info{pool="orders",system="",server="",database=""}': 1,
      'max_connections{pool="orders"}': 2,
      'min_connections{pool="orders"}': 1,
      'state{pool="orders",state="running"}': 1,
      'circuit_state{pool="orders",state="closed"}': 1,
      'acquires_total{pool="orders",outcome="ok"}': 1,
      'opens_total{pool="orders",outcome="ok"}': 1,
      'validations_total{pool="orders",outcome="skipped"}': 1,
      'acquire_wait_seconds_count{pool="orders"}': 1,
      'open_seconds_count{pool="orders"}': 1,
    })
    release(held)
    expect(await scrape(registry)).toMatchObject({
      'connections{pool="orders",state="used"}': 0,
      'connections{pool="orders",state="idle"}': 1,
      'use_seconds_count{pool="orders"}': 1,
    })
  })

  test('a pool in which nothing moves any more is shown: all held, callers waiting', async () => {
    const registry = makeRegistry()
    collectPools(registry)
    const { acquire, clock } = attended({ policy: { max: 1 } })
    const held = await clock.until(acquire())
    const waiting = acquire().catch(() => 'late')
    for (let minute = 0; minute < 3; minute++) {
      expect(await scrape(registry)).toMatchObject({ 'connections{pool="simulated",state="used"}': 1 })
    }
    expect(await scrape(registry)).toMatchObject({ 'pending_acquires{pool="simulated"}': 1 })
    await clock.advance(60_000)
    expect(await waiting).toBe('late')
    expect(await scrape(registry)).toMatchObject({
      'pending_acquires{pool="simulated"}': 0,
      'acquires_total{pool="simulated",outcome="timed_out"}': 1,
    })
    expect(held).toBeDefined()
  })

  test('durations are seconds, in cumulative buckets that end with all of them', async () => {
    const registry = makeRegistry()
    collectPools(registry, { bucketSeconds: { use: [0.01, 0.1, 1] } })
    const { acquire, clock, release } = attended({ policy: { name: 'orders' } })
    for (const heldMillis of [5, 50, 500, 5_000]) {
      const held = await clock.until(acquire())
      await clock.advance(heldMillis)
      release(held)
    }
    expect(await scrape(registry)).toMatchObject({
      'use_seconds_bucket{le="0.01",pool="orders"}': 1,
      'use_seconds_bucket{le="0.1",pool="orders"}': 2,
      'use_seconds_bucket{le="1",pool="orders"}': 3,
      'use_seconds_bucket{le="+Inf",pool="orders"}': 4,
      'use_seconds_sum{pool="orders"}': 5.555,
      'use_seconds_count{pool="orders"}': 4,
    })
  })

  test('many pools are series of the same metrics; a pool that comes later is there, one that is closed is gone', async () => {
    const registry = makeRegistry()
    collectPools(registry)
    const orders = attended({ policy: { name: 'orders' } })
    attended({ policy: { name: 'audit' } })
    const twin = attended({ policy: { name: 'audit' } })
    twin.release(await twin.clock.until(twin.acquire()))
    expect(await scrape(registry)).toMatchObject({
      'connections{pool="orders",state="idle"}': 0,
      'connections{pool="audit",state="idle"}': 0,
      'connections{pool="audit #2",state="idle"}': 1,
    })
    await orders.clock.until(orders.keeper.drain())
    await twin.clock.until(twin.keeper.drain())
    const left = Object.keys(await scrape(registry))
    expect(left.filter((name) => !name.includes('pool="audit"'))).toEqual([])
    expect(left).not.toEqual([])
  })

  test('a pool that is given back by detach() is gone', async () => {
    const registry = makeRegistry()
    collectPools(registry)
    const host = attend(simulatePool().keeper)
    forgetKeeper(host)
    expect(await scrape(registry)).toEqual({})
  })

  test('registered again it changes nothing, after clear() it is there again, and it can be taken away', async () => {
    const registry = makeRegistry()
    attended()
    collectPools(registry)
    const stop = collectPools(registry)
    const samples = await scrape(registry)
    registry.clear()
    expect(await scrape(registry)).toEqual({})
    collectPools(registry)
    expect(await scrape(registry)).toEqual(samples)
    stop()
    collectPools(registry)()
    expect(await scrape(registry)).toEqual({})
  })

  test('with another prefix they stand beside', async () => {
    const registry = makeRegistry()
    attended()
    collectPools(registry)
    collectPools(registry, { prefix: 'app_' })
    expect(await registry.metrics()).toMatch(/^poolkeeper_pool_max_connections\{[^]*^app_pool_max_connections\{/m)
  })

  test('where a name is taken by somebody else, nothing of ours is left behind', () => {
    const registry = makeRegistry()
    registry.registerMetric({ name: 'poolkeeper_pool_leaks_total' })
    expect(() => collectPools(registry)).toThrow('poolkeeper_pool_leaks_total')
    expect(registry.getSingleMetric('poolkeeper_pool_connections')).toBeUndefined()
    expect(registry.getSingleMetric('poolkeeper_pool_leaks_total')).toBeDefined()
  })

  test('a hostile name of a pool stays one label', async () => {
    const registry = makeRegistry()
    collectPools(registry)
    attended({ policy: { name: 'a"} 1\npoolkeeper_pool_evil 1\\' } })
    for (const line of (await registry.metrics()).split('\n')) expect(line).toMatch(/^(|# .*|poolkeeper_pool_.*\{.*\} [\d.]+)$/)
  })
})

test('OpenMetrics calls its counters by their names, once', async () => {
  const registry = new current.Registry<current.OpenMetricsContentType>()
  registry.setContentType(current.Registry.OPENMETRICS_CONTENT_TYPE)
  collectPools(registry)
  attended({ policy: { name: 'orders' } })
  for (let scraped = 0; scraped < 2; scraped++) {
    const text = await registry.metrics()
    expect(text).toContain('# TYPE poolkeeper_pool_acquires counter')
    expect(text).toContain('\npoolkeeper_pool_acquires_total{pool="orders",outcome="ok"} 0')
    expect(text).not.toContain('total_total')
  }
})

test.each([
  { options: { prefix: '1st ' }, option: 'prefix' },
  { options: { bucketSeconds: { wait: [1, 1] } }, option: 'bucketSeconds.wait' },
  { options: { bucketSeconds: { use: [0, 1] } }, option: 'bucketSeconds.use' },
  { options: { bucketSeconds: { open: [Infinity] } }, option: 'bucketSeconds.open' },
])('$option that makes no sense is refused by name', ({ options, option }) => {
  expect(() => collectPools(new current.Registry(), options)).toThrow(
    expect.objectContaining({ code: 'INVALID_POLICY', invalid: expect.objectContaining({ option }) as unknown }),
  )
})
