import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { AggregationType, type CollectionResult, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { poolMetrics } from '@poolkeeper/opentelemetry'

/** What one side says of one pool; `undefined`: there is no such series. */
export interface Told {
  readonly used: number | undefined
  readonly idle: number | undefined
  readonly pending: number | undefined
}

/** Both, beside what is true, at one moment. */
export interface Comparison {
  readonly moment: string
  readonly pools: readonly { readonly pool: string; readonly truth: Told; readonly ours: Told; readonly theirs: Told }[]
}

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

const [url = '', mode = ''] = process.argv.slice(2)
const THEIRS = '@opentelemetry/instrumentation-pg'
const reader = new Reader({ metricProducers: [poolMetrics()] })
const meterProvider = new MeterProvider({
  readers: [reader],
  // The one that the page on these metrics shows.
  views:
    mode === 'dropped'
      ? [{ meterName: THEIRS, instrumentName: 'db.client.connection.*', aggregation: { type: AggregationType.DROP } }]
      : [],
})
registerInstrumentations({ instrumentations: [new PgInstrumentation()], meterProvider })
// Loaded after the instrumentation is in place.
const { attachPostgres } = await import('../harness/postgres.ts')
const { loadedPools, serverView } = await import('./loaded-pools.ts')

function toldBy(scope: string, { resourceMetrics }: CollectionResult, pool: string): Told {
  const points = resourceMetrics.scopeMetrics
    .filter((one) => one.scope.name === scope)
    .flatMap(({ metrics }) => metrics)
    .flatMap(({ descriptor, dataPoints }) => dataPoints.map(({ attributes, value }) => ({ name: descriptor.name, attributes, value })))
    .filter(({ attributes }) => attributes['db.client.connection.pool.name'] === pool)
  const of = (name: string, state?: string): number | undefined => {
    const point = points.find((one) => one.name === `db.client.connection.${name}` && one.attributes['db.client.connection.state'] === state)
    return point?.value as number | undefined
  }
  return { used: of('count', 'used'), idle: of('count', 'idle'), pending: of('pending_requests') }
}

const server = await attachPostgres({ url, adminUrl: url })
const pools = loadedPools(server, `beside ${mode}`)
const comparisons: Comparison[] = []

async function compare(moment: string, waiting: number): Promise<void> {
  const all = await reader.collect()
  // What the instrumentation calls every pool of one database.
  const name = `${server.host}:${server.port}/${server.database}`
  const rows = await Promise.all(
    pools.map(async (pool) => {
      const { used, idle } = await serverView(server, pool)
      const truth = { used, idle, pending: waiting }
      return { pool: pool.name, truth, ours: toldBy('@poolkeeper/opentelemetry', all, pool.name), theirs: toldBy(THEIRS, all, name) }
    }),
  )
  comparisons.push({ moment, pools: rows })
}

await Promise.all(pools.flatMap((pool) => Array.from({ length: 6 }, () => pool.query())))
await compare('at rest', 0)
const held = await Promise.all(pools.map((pool) => Promise.all([pool.hold(), pool.hold(), pool.hold()])))
const waiting = pools.flatMap((pool) => [pool.query(), pool.query()])
await new Promise((resolve) => setImmediate(resolve))
await compare('all held, two wait', 2)
for (const giveBack of held.flat()) await giveBack()
await Promise.all(waiting)
await Promise.all(pools.map((pool) => pool.end()))
await compare('closed', 0)
await server.stop()
await meterProvider.shutdown()
console.log(JSON.stringify(comparisons))
