import { context, SpanStatusCode } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { traceWaits } from '@poolkeeper/opentelemetry'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { type LoadedPool, loadedPools } from './loaded-pools.ts'

const address = requireServer('postgres')
const exporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const tracer = tracerProvider.getTracer('the application')

const WAIT = 'db.client.connection.wait'
const waits = (): ReadableSpan[] => exporter.getFinishedSpans().filter(({ name }) => name === WAIT)
const traceOf = (span: ReadableSpan): string => span.spanContext().traceId
const millis = ([seconds, nanos]: readonly [number, number]): number => seconds * 1_000 + nanos / 1e6

/** One request of the application, in a trace of its own. */
async function request(work: () => Promise<unknown>): Promise<string> {
  return tracer.startActiveSpan('request', { root: true }, async (span) => {
    await new Promise((resolve) => setImmediate(resolve))
    try {
      await work()
    } catch {
      // What became of it is seen in its spans.
    }
    span.end()
    return span.spanContext().traceId
  })
}

address.describe('Spans of waits', () => {
  let server: PostgresServer
  let pools: readonly LoadedPool[]
  let stop: () => void

  beforeAll(async () => {
    server = await attachPostgres(address)
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    pools = loadedPools(server, 'spans')
    stop = traceWaits({ tracerProvider, fromMillis: 0 })
  })
  afterAll(async () => {
    stop()
    context.disable()
    await Promise.all(pools.map((pool) => pool.end()))
    await server.stop()
  })
  beforeEach(() => exporter.reset())
  afterEach(() => exporter.reset())

  describe.each([
    ['Knex', 0],
    ['Drizzle', 1],
    ['pg', 2],
  ])('of %s', (_host, index) => {
    test('belong to the request that waited, each for itself, however many ask at once', async () => {
      const pool = pools[index] as LoadedPool
      const held = await Promise.all(Array.from({ length: pool.max }, () => pool.hold()))
      exporter.reset()
      const requests = Array.from({ length: 12 }, () => request(() => pool.query()))
      await untilPending(pool, requests.length)
      for (const giveBack of held) await giveBack()
      const traces = await Promise.all(requests)
      expect(waits().map(traceOf).sort()).toEqual([...traces].sort())
      for (const wait of waits()) {
        const asker = exporter.getFinishedSpans().find((span) => span.name === 'request' && traceOf(span) === traceOf(wait))
        expect(wait.parentSpanContext?.spanId).toBe(asker?.spanContext().spanId)
        // He waited within his own request; a clock that is read to the millisecond may say one less.
        expect(millis(wait.startTime)).toBeGreaterThanOrEqual(millis(asker?.startTime ?? [Infinity, 0]) - 2)
        expect(wait.attributes).toMatchObject({
          'db.client.connection.pool.name': pool.name,
          'db.system.name': 'postgresql',
          'server.port': server.port,
        })
        expect(wait.status.code).toBe(SpanStatusCode.UNSET)
      }
    })

    test('that was in vain say why', async () => {
      const pool = pools[index] as LoadedPool
      pool.keeper.pause({ waiters: 'wait' })
      const requested = request(() => pool.query())
      await untilPending(pool, 1)
      pool.keeper.pause({ waiters: 'fail' })
      const trace = await requested
      pool.keeper.resume()
      expect(waits().map((wait) => [traceOf(wait), wait.attributes['error.type'], wait.status.code])).toEqual([
        [trace, 'PAUSED', SpanStatusCode.ERROR],
      ])
    })
  })
})

async function untilPending({ keeper }: LoadedPool, count: number): Promise<void> {
  while (keeper.stats().pending < count) await new Promise((resolve) => setImmediate(resolve))
}
