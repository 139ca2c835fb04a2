import type { MeterProvider as ApiMeterProvider } from '@opentelemetry/api'
import { metrics } from '@opentelemetry/api'
import * as current from '@opentelemetry/sdk-metrics'
import * as newest from '@opentelemetry/sdk-metrics-3'
import { attendedPools, forgetKeeper, registerKeeper, type PoolKeeper } from '@poolkeeper/core'
import { simulatePool, type SimulatedPool, type SimulatedPoolOptions } from '@poolkeeper/core/testing'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { observePools, type ObservePoolsOptions } from './observe-pools.ts'
import type { PoolMetricsOptions } from './options.ts'
import { poolMetrics } from './pool-metrics.ts'

const hosts: object[] = []

function attended(options: SimulatedPoolOptions = {}): SimulatedPool {
  const pool = simulatePool(options)
  attend(pool.keeper)
  return pool
}

function attend(keeper: PoolKeeper): void {
  const host = {}
  hosts.push(host)
  registerKeeper(host, keeper, {})
}

afterEach(() => {
  for (const host of hosts.splice(0)) forgetKeeper(host)
  expect(attendedPools()).toEqual([])
})

interface Point {
  readonly unit: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly value: unknown
}

/** What an exporter would get, by the metric's name. */
type Collected = ReadonlyMap<string, readonly Point[]>

interface Reading {
  collect(): Promise<Collected>
  readonly meterProvider: ApiMeterProvider
}

type Sdk = Pick<typeof current, 'MeterProvider' | 'MetricReader'>

function readingWith(sdk: Sdk, producers: readonly current.MetricProducer[] = []): Reading {
  class Reader extends sdk.MetricReader {
    protected async onShutdown(): Promise<void> {}
    protected async onForceFlush(): Promise<void> {}
  }
  const reader = new Reader({ metricProducers: [...producers] })
  const meterProvider = new sdk.MeterProvider({ readers: [reader] })
  onTestFinished(() => meterProvider.shutdown())
  return { meterProvider, collect: async () => collected(await reader.collect()) }
}

function collected({ errors, resourceMetrics }: current.CollectionResult): Collected {
  expect(errors).toEqual([])
  const scopes = resourceMetrics.scopeMetrics.filter(({ scope }) => scope.name === '@poolkeeper/opentelemetry')
  return new Map(
    scopes.flatMap(({ metrics: data }) =>
      data.map(({ descriptor, dataPoints }): [string, readonly Point[]] => {
        const { name, unit } = descriptor
        return [name, dataPoints.map(({ attributes, value }) => ({ unit, attributes, value }))]
      }),
    ),
  )
}

const SDKS: readonly { readonly version: string; readonly sdk: Sdk }[] = [
  { version: '2', sdk: current },
  // Of the same shape, which the compiler is asked for below.
  { version: '3', sdk: newest as unknown as Sdk },
]

const WAYS = [
  { way: 'a metric producer', read: (sdk: Sdk, options?: PoolMetricsOptions): Reading => readingWith(sdk, [poolMetrics(options)]) },
  {
    way: 'observable instruments',
    read: (sdk: Sdk, options?: ObservePoolsOptions): Reading => {
      const reading = readingWith(sdk)
      onTestFinished(observePools({ ...options, meterProvider: reading.meterProvider, recordDurations: true }))
      return reading
    },
  },
]

const BOTH = SDKS.flatMap(({ version, sdk }) => WAYS.map(({ way, read }) => ({ version, way, read: read.bind(undefined, sdk) })))

function valueOf(all: Collected, name: string, wanted: Readonly<Record<string, unknown>>): unknown {
  const points = (all.get(name) ?? []).filter(({ attributes }) => Object.entries(wanted).every(([key, value]) => attributes[key] === value))
  expect(points.length).toBeLessThanOrEqual(1)
  return points[0]?.value
}

const POOL = 'db.client.connection.pool.name'
const STATE = 'db.client.connection.state'

describe.each(BOTH)('with the SDK $version, through $way', ({ read }) => {
  test('the conventions’ metrics have their names, units and attributes', async () => {
    const { collect } = read({ capacity: 'limit' })
    const { acquire, clock, keeper, release } = attended({ policy: { name: 'orders', min: 1, max: 4 } })
    await clock.until(keeper.ready())
    const held = await clock.until(acquire())
    await clock.advance(250)
    release(held)
    await clock.until(acquire())
    const all = await collect()
    const units = [...all].map(([name, [first]]) => [name, first?.unit]).filter(([name]) => name?.startsWith('db.'))
    expect(Object.fromEntries(units)).toEqual({
      'db.client.connection.count': '{connection}',
      'db.client.connection.idle.max': '{connection}',
      'db.client.connection.idle.min': '{connection}',
      'db.client.connection.limit': '{connection}',
      'db.client.connection.pending_requests': '{request}',
      'db.client.connection.timeouts': '{timeout}',
      'db.client.connection.create_time': 's',
      'db.client.connection.wait_time': 's',
      'db.client.connection.use_time': 's',
    })
    expect(valueOf(all, 'db.client.connection.count', { [POOL]: 'orders', [STATE]: 'used' })).toBe(1)
    expect(valueOf(all, 'db.client.connection.count', { [POOL]: 'orders', [STATE]: 'idle' })).toBe(0)
    expect(valueOf(all, 'db.client.connection.limit', { [POOL]: 'orders' })).toBe(4)
    expect(valueOf(all, 'db.client.connection.idle.min', { [POOL]: 'orders' })).toBe(1)
    expect(valueOf(all, 'db.client.connection.use_time', { [POOL]: 'orders' })).toMatchObject({ count: 1, sum: 0.25 })
    expect(valueOf(all, 'poolkeeper.acquires', { 'poolkeeper.outcome': 'ok' })).toBe(2)
    expect(valueOf(all, 'poolkeeper.state', { 'poolkeeper.state': 'running' })).toBe(1)
    expect(valueOf(all, 'poolkeeper.closes', { 'poolkeeper.reason': 'maxLifetime' })).toBe(0)
  })

  test('times fall into buckets of seconds', async () => {
    const { collect } = read({ bucketSeconds: { use: [0.01, 0.1, 1] } })
    const { acquire, clock, release } = attended()
    for (const heldMillis of [5, 50, 60, 5_000]) {
      const held = await clock.until(acquire())
      await clock.advance(heldMillis)
      release(held)
    }
    const value = valueOf(await collect(), 'db.client.connection.use_time', {})
    expect(value).toMatchObject({ count: 4, sum: 5.115, buckets: { boundaries: [0.01, 0.1, 1], counts: [1, 2, 0, 1] } })
  })

  test('a pool in which nothing moves any more is told of at each collection: all held, callers waiting', async () => {
    const { collect } = read()
    const { acquire, clock, keeper } = attended({ policy: { max: 2 } })
    for (let held = 0; held < 2; held++) await clock.until(acquire())
    const waiting = acquire().catch(() => 'left')
    for (let collection = 0; collection < 3; collection++) {
      const all = await collect()
      expect(valueOf(all, 'db.client.connection.count', { [STATE]: 'used' })).toBe(2)
      expect(valueOf(all, 'db.client.connection.pending_requests', {})).toBe(1)
    }
    keeper.pause({ waiters: 'fail' })
    expect(await waiting).toBe('left')
  })

  test('a caller that waits is seen while he does, and his deadline is counted', async () => {
    const { collect } = read()
    const { acquire, clock } = attended({ policy: { max: 1, acquireTimeoutMillis: 2_000 } })
    await clock.until(acquire())
    const waiting = acquire().catch(() => 'late')
    expect(valueOf(await collect(), 'db.client.connection.pending_requests', {})).toBe(1)
    expect(valueOf(await collect(), 'db.client.connection.count', { [STATE]: 'used' })).toBe(1)
    await clock.advance(2_000)
    await waiting
    expect(valueOf(await collect(), 'db.client.connection.pending_requests', {})).toBe(0)
    expect(valueOf(await collect(), 'db.client.connection.timeouts', {})).toBe(1)
  })

  test('each of many pools has its own series, also those of one name; after the close all are 0 or gone', async () => {
    const { collect } = read()
    const pools = ['orders', 'audit', 'audit'].map((name) => attended({ policy: { name, max: 3 } }))
    for (const [index, pool] of pools.entries()) {
      for (let held = 0; held <= index; held++) await pool.clock.until(pool.acquire())
    }
    const used = async (): Promise<unknown[]> => {
      const all = await collect()
      return ['orders', 'audit', 'audit #2'].map((name) => valueOf(all, 'db.client.connection.count', { [POOL]: name, [STATE]: 'used' }))
    }
    expect(await used()).toEqual([1, 2, 3])
    for (const { clock, keeper } of pools.slice(1)) await clock.until(keeper.drain({ timeoutMillis: 0 }))
    const [orders, ...closed] = await used()
    expect(orders).toBe(1)
    for (const value of closed) expect(value ?? 0).toBe(0)
    const limits = (await collect()).get('db.client.connection.limit') ?? []
    expect(limits.filter(({ value }) => value !== 0).map(({ attributes }) => attributes[POOL])).toEqual(['orders'])
  })

  test.each([
    { capacity: 'limit', names: ['db.client.connection.limit'] },
    { capacity: 'max', names: ['db.client.connection.max'] },
    { capacity: 'both', names: ['db.client.connection.limit', 'db.client.connection.max'] },
  ] as const)('the capacity is called $capacity if asked', async ({ capacity, names }) => {
    const { collect } = read({ capacity })
    attended()
    expect([...(await collect()).keys()].filter((name) => /connection\.(limit|max)$/.test(name))).toEqual(names)
  })
})

test('what a pool leads to stands in its attributes', async () => {
  const { collect } = readingWith(current, [poolMetrics()])
  const { keeper } = simulatePool({ policy: { name: 'orders' } })
  const server = { system: 'postgresql', address: 'db', port: 5432, namespace: 'shop' }
  attend(keeper)
  Object.defineProperty(keeper, 'policy', { value: { server, minIdle: false } })
  expect((await collect()).get('db.client.connection.pending_requests')?.[0]?.attributes).toEqual({
    [POOL]: 'orders',
    'db.system.name': 'postgresql',
    'db.namespace': 'shop',
    'server.address': 'db',
    'server.port': 5432,
  })
})

test('a meter provider that is set later is found, and one that never comes is told of', async () => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
    metrics.disable()
  })
  const warned: unknown[] = []
  const listen = (warning: Error & { code?: string }): void => void warned.push(warning.code)
  process.on('warning', listen)
  onTestFinished(() => void process.off('warning', listen))
  const stop = observePools()
  const { collect, meterProvider } = readingWith(current)
  attended({ policy: { name: 'orders' } })
  vi.advanceTimersByTime(3_000)
  metrics.setGlobalMeterProvider(meterProvider)
  vi.advanceTimersByTime(1_000)
  expect(valueOf(await collect(), 'db.client.connection.limit', { [POOL]: 'orders' })).toBe(10)
  stop()
  metrics.disable()
  const unheard = observePools()
  vi.advanceTimersByTime(60_000)
  await new Promise((resolve) => process.nextTick(resolve))
  expect(warned).toEqual(['POOLKEEPER_NO_METER'])
  unheard()
})

test('stopped, it records and observes nothing more', async () => {
  const { collect, meterProvider } = readingWith(current)
  const stop = observePools({ meterProvider, recordDurations: true })
  const { acquire, clock, release } = attended()
  release(await clock.until(acquire()))
  const count = async (): Promise<unknown> => valueOf(await collect(), 'db.client.connection.wait_time', {})
  expect(await count()).toMatchObject({ count: 1 })
  stop()
  release(await clock.until(acquire()))
  expect(await count()).toMatchObject({ count: 1 })
})

test.each([
  { options: { capacity: 'most' as 'max' }, option: 'capacity' },
  { options: { bucketSeconds: { wait: [2, 1] } }, option: 'bucketSeconds.wait' },
])('$option that makes no sense is refused by name, by both ways', ({ options, option }) => {
  const refused = expect.objectContaining({ code: 'INVALID_POLICY', invalid: expect.objectContaining({ option }) as unknown }) as Error
  expect(() => poolMetrics(options)).toThrow(refused)
  expect(() => observePools(options)).toThrow(refused)
})
