import { context, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { forgetKeeper, registerKeeper } from '@poolkeeper/core'
import { simulatePool, type SimulatedPool, type SimulatedPoolOptions } from '@poolkeeper/core/testing'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { traceWaits, type TraceWaitsOptions } from './trace-waits.ts'

const exporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const tracer = tracerProvider.getTracer('the application')
const hosts: object[] = []

beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()))
afterAll(() => context.disable())
afterEach(() => {
  exporter.reset()
  for (const host of hosts.splice(0)) forgetKeeper(host)
})

function tracing(options: TraceWaitsOptions = {}): () => void {
  const stop = traceWaits({ tracerProvider, ...options })
  onTestFinished(stop)
  return stop
}

function attended(options: SimulatedPoolOptions = {}): SimulatedPool {
  const pool = simulatePool(options)
  const host = {}
  hosts.push(host)
  registerKeeper(host, pool.keeper, {})
  return pool
}

/** One request of the application: a span, within which a connection is asked for some hops later. */
async function request<T>(name: string, ask: () => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(name, async (span) => {
    await Promise.resolve()
    try {
      return await ask()
    } finally {
      span.end()
    }
  })
}

const waits = (): ReadableSpan[] => exporter.getFinishedSpans().filter(({ name }) => name === 'db.client.connection.wait')
const millisOf = ({ duration: [seconds, nanos] }: ReadableSpan): number => seconds * 1_000 + nanos / 1e6

/** The name of the span in which its caller asked. */
function askerOf(wait: ReadableSpan): string | undefined {
  return exporter.getFinishedSpans().find((span) => span.spanContext().spanId === wait.parentSpanContext?.spanId)?.name
}

test('callers who wait have a span each, under the one in which they asked, for as long as they waited', async () => {
  tracing()
  const pool = attended({ policy: { name: 'orders', max: 1 } })
  const { acquire, clock, release } = pool
  const held = await clock.until(acquire())
  exporter.reset()
  const served: string[] = []
  const requests = ['first', 'second', 'third'].map((name) =>
    request(name, async () => {
      const connection = await acquire()
      served.push(name)
      await new Promise<void>((resolve) => clock.after(100, resolve))
      release(connection)
    }),
  )
  await clock.advance(50)
  release(held)
  await clock.advance(1_000)
  await Promise.all(requests)
  expect(served).toEqual(['first', 'second', 'third'])
  expect(waits().map((wait) => [askerOf(wait), Math.round(millisOf(wait))])).toEqual([
    ['first', 50],
    ['second', 150],
    ['third', 250],
  ])
  for (const { attributes, status } of waits()) {
    expect(attributes).toEqual({ 'db.client.connection.pool.name': 'orders' })
    expect(status.code).toBe(SpanStatusCode.UNSET)
  }
})

test('a checkout at once has none, nor a wait below the limit', async () => {
  tracing({ fromMillis: 100 })
  const { acquire, clock, release } = attended({ policy: { max: 1 } })
  release(await clock.until(acquire()))
  exporter.reset()
  const held = await clock.until(request('at once', () => acquire()))
  const waiting = request('soon', () => acquire())
  await clock.advance(99)
  release(held)
  const lent = await clock.until(waiting)
  expect(waits()).toEqual([])
  const next = request('late', () => acquire())
  await clock.advance(100)
  release(lent)
  await clock.until(next)
  expect(waits().map(askerOf)).toEqual(['late'])
})

test('with 0, whoever waited at all has one', async () => {
  tracing({ fromMillis: 0 })
  const { acquire, clock, release } = attended({ policy: { max: 1 } })
  const held = await clock.until(acquire())
  release(held)
  release(await clock.until(acquire()))
  exporter.reset()
  const next = await clock.until(request('at once', () => acquire()))
  const waiting = request('for half a moment', () => acquire())
  await clock.advance(0.5)
  release(next)
  await clock.until(waiting)
  expect(waits().map(askerOf)).toEqual(['for half a moment'])
})

test('who leaves without a connection has one with the error and its code', async () => {
  tracing({ fromMillis: 60_000 })
  const { acquire, clock } = attended({ policy: { max: 1, acquireTimeoutMillis: 500 } })
  await clock.until(acquire())
  const failed = request('in vain', () => acquire()).catch(() => 'left')
  await clock.advance(500)
  expect(await failed).toBe('left')
  const [wait] = waits() as [ReadableSpan]
  expect(askerOf(wait)).toBe('in vain')
  expect(millisOf(wait)).toBe(500)
  expect(wait.attributes['error.type']).toBe('POOL_EXHAUSTED')
  expect(wait.status).toEqual({ code: SpanStatusCode.ERROR, message: expect.stringContaining('all connections were in use') as unknown })
})

test('an error that is not ours says what it is', async () => {
  tracing()
  const { acquire, clock, server } = attended()
  server.connects = 'refused'
  await clock.until(request('in vain', () => acquire()).catch(() => undefined))
  expect(waits().map(({ attributes }) => attributes['error.type'])).toEqual(['ECONNREFUSED'])
})

test('pools that come later are heard, and nobody any more when it is ended', async () => {
  const stop = tracing()
  const pools = [attended({ policy: { max: 1 } }), attended({ policy: { max: 1 } })]
  const waitOnce = async ({ acquire, clock, release }: SimulatedPool): Promise<void> => {
    const held = await clock.until(acquire())
    const waiting = acquire()
    await clock.advance(10)
    release(held)
    release(await clock.until(waiting))
  }
  for (const pool of pools) await waitOnce(pool)
  const heard = waits().length
  expect(heard).toBeGreaterThanOrEqual(pools.length)
  stop()
  for (const pool of pools) await waitOnce(pool)
  expect(waits()).toHaveLength(heard)
})

test('without an SDK nothing happens', async () => {
  onTestFinished(traceWaits())
  const { acquire, clock, release } = attended({ policy: { max: 1 } })
  const held = await clock.until(acquire())
  const waiting = acquire()
  await clock.advance(10)
  release(held)
  expect(await clock.until(waiting)).toBe(held)
  expect(trace.getActiveSpan()).toBeUndefined()
})

test.each([-1, NaN, Infinity])('a limit of %d is refused by name', (fromMillis) => {
  expect(() => traceWaits({ fromMillis })).toThrow(
    expect.objectContaining({ code: 'INVALID_POLICY', invalid: expect.objectContaining({ option: 'fromMillis' }) as unknown }),
  )
})
