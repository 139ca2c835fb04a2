import {
  metrics,
  ValueType,
  type Attributes,
  type BatchObservableResult,
  type Histogram,
  type Meter,
  type MeterProvider,
  type Observable,
} from '@opentelemetry/api'
import { attendedPools, type AttendedPool, type DurationKind, type PoolEvent } from '@poolkeeper/core'
import { DURATIONS } from './durations.ts'
import { SCOPE } from './names.ts'
import { numbersOf, type NumberMetric } from './numbers.ts'
import { bucketsOf, MILLIS_A_SECOND, type BucketSeconds, type PoolMetricsOptions } from './options.ts'
import { poolAttributes } from './pool-attributes.ts'
import { subscribeToPools } from './subscribe-to-pools.ts'

export interface ObservePoolsOptions extends PoolMetricsOptions {
  /** @defaultValue the global one, also when it is set up to a minute later */
  readonly meterProvider?: MeterProvider
  /**
   * Whether waits, uses and connects are recorded into histograms. An observable instrument cannot be one:
   * each is recorded when it happens, which costs more than a checkout itself.
   *
   * @defaultValue `false`
   */
  readonly recordDurations?: boolean
}

interface Instrument {
  readonly metric: NumberMetric
  readonly instrument: Observable
}

type Series = { readonly instrument: Observable; readonly attributes: Attributes }
type Histograms = Readonly<Record<DurationKind, Histogram>>

/** Longer than anybody's export interval, however many readers there are. */
const ZEROED_FOR_MILLIS = 15 * 60_000
const LOOK_AGAIN_MILLIS = 1_000
const LOOKS = 60

/**
 * The same metrics as `poolMetrics` gives, through a meter: for readers that take no `metricProducers`.
 * Numbers are observable instruments, asked for at each collection.
 *
 * @returns a function that ends it
 * @throws PoolkeeperError `INVALID_POLICY` when an option makes no sense
 */
export function observePools(options: ObservePoolsOptions = {}): () => void {
  const { meterProvider } = options
  const numbers = numbersOf(options)
  const buckets = bucketsOf(options)
  let stop: (() => void) | undefined
  let timer: NodeJS.Timeout | undefined
  const look = (looksLeft: number): void => {
    const meter = (meterProvider ?? metrics.getMeterProvider()).getMeter(SCOPE)
    const instruments = instrumentsOf(meter, numbers)
    stop = isDeaf(instruments) ? undefined : begin(meter, instruments, options.recordDurations === true ? buckets : undefined)
    if (stop !== undefined) return
    if (looksLeft > 0) timer = setTimeout(look, LOOK_AGAIN_MILLIS, looksLeft - 1).unref()
    else warn('there is no meter provider: no pool is observed; call observePools() when the SDK is started')
  }
  look(LOOKS)
  return () => {
    clearTimeout(timer)
    stop?.()
  }
}

/** Without an SDK every meter gives one instrument for all, and goes on doing so when there is an SDK. */
function isDeaf(instruments: readonly Instrument[]): boolean {
  const [one, other] = instruments.filter(({ metric }) => !metric.isMonotonic)
  return one?.instrument === other?.instrument
}

function instrumentsOf(meter: Meter, numbers: readonly NumberMetric[]): Instrument[] {
  return numbers.map((metric) => {
    const { name, unit, description, isMonotonic } = metric
    const settings = { unit, description, valueType: ValueType.INT }
    const instrument = isMonotonic ? meter.createObservableCounter(name, settings) : meter.createObservableUpDownCounter(name, settings)
    return { metric, instrument }
  })
}

function begin(meter: Meter, instruments: readonly Instrument[], buckets: BucketSeconds | undefined): () => void {
  const closed = new ClosedPools()
  const observe = (result: BatchObservableResult): void => {
    const pools = attendedPools()
    for (const pool of pools) {
      const series = instruments.flatMap(({ metric, instrument }) => observeOne(result, metric, instrument, pool))
      closed.seen(pool.name, series)
    }
    closed.zero(result, pools)
  }
  const observables = instruments.map(({ instrument }) => instrument)
  meter.addBatchObservableCallback(observe, observables)
  const forget = buckets === undefined ? undefined : record(histogramsOf(meter, buckets))
  return () => {
    meter.removeBatchObservableCallback(observe, observables)
    forget?.()
  }
}

function observeOne(result: BatchObservableResult, metric: NumberMetric, instrument: Observable, pool: AttendedPool): Series[] {
  const shared = poolAttributes(pool)
  return metric.valuesOf(pool).flatMap(([value, own]) => {
    const attributes = { ...shared, ...own }
    result.observe(instrument, value, attributes)
    return metric.isMonotonic ? [] : [{ instrument, attributes }]
  })
}

/** An SDK shows the last value of a series for ever: those of a closed pool are told to be 0. */
class ClosedPools {
  readonly #series = new Map<string, { readonly series: readonly Series[]; closedAt: number | undefined }>()

  seen(name: string, series: readonly Series[]): void {
    this.#series.set(name, { series, closedAt: undefined })
  }

  zero(result: BatchObservableResult, open: readonly AttendedPool[]): void {
    const now = Date.now()
    const names = new Set(open.map(({ name }) => name))
    for (const [name, entry] of this.#series) {
      if (names.has(name)) continue
      entry.closedAt ??= now
      // Each reader calls back on its own, and nobody says which of them has seen it.
      for (const { instrument, attributes } of entry.series) result.observe(instrument, 0, attributes)
      if (now - entry.closedAt > ZEROED_FOR_MILLIS) this.#series.delete(name)
    }
  }
}

function histogramsOf(meter: Meter, buckets: BucketSeconds): Histograms {
  const of = ({ kind, name, description }: (typeof DURATIONS)[number]): [DurationKind, Histogram] => {
    const advice = { explicitBucketBoundaries: [...buckets[kind]] }
    return [kind, meter.createHistogram(name, { description, unit: 's', valueType: ValueType.DOUBLE, advice })]
  }
  return Object.fromEntries(DURATIONS.map(of)) as unknown as Histograms
}

function record(histograms: Histograms): () => void {
  return subscribeToPools((pool) => {
    const attributes = poolAttributes(pool)
    return (event) => recordOne(histograms, event, attributes)
  })
}

function recordOne(histograms: Histograms, event: PoolEvent, attributes: Attributes): void {
  if (event.type === 'acquired') histograms.wait.record(event.waitMillis / MILLIS_A_SECOND, attributes)
  else if (event.type === 'released') histograms.use.record(event.useMillis / MILLIS_A_SECOND, attributes)
  else if (event.type === 'opened') histograms.open.record(event.openMillis / MILLIS_A_SECOND, attributes)
}

function warn(message: string): void {
  process.emitWarning(message, { type: 'PoolkeeperWarning', code: 'POOLKEEPER_NO_METER' })
}
