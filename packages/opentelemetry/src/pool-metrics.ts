import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api'
import type {
  AggregationTemporality,
  CollectionResult,
  DataPoint,
  DataPointType,
  Histogram,
  MetricData,
  MetricProducer,
} from '@opentelemetry/sdk-metrics'
import { attendedPools, type AttendedPool } from '@poolkeeper/core'
import { DURATIONS, type DurationMetric } from './durations.ts'
import { hrTimeOf } from './hr-time.ts'
import { SCOPE } from './names.ts'
import { numbersOf, type NumberMetric } from './numbers.ts'
import { bucketsOf, MILLIS_A_SECOND, type PoolMetricsOptions } from './options.ts'
import { poolAttributes } from './pool-attributes.ts'

// By their values, so that the SDK is not imported: what is running need not be the copy that would be found here.
const CUMULATIVE: AggregationTemporality.CUMULATIVE = 1
const SUM: DataPointType.SUM = 3
const HISTOGRAM: DataPointType.HISTOGRAM = 0

type Resource = CollectionResult['resourceMetrics']['resource']

/** A reader keeps the resource of its own SDK. */
const NO_RESOURCE: Resource = { attributes: {}, merge: (other) => other ?? NO_RESOURCE, getRawAttributes: () => [] }

interface Place {
  readonly pool: AttendedPool
  readonly attributes: Attributes
  readonly startTime: HrTime
  readonly endTime: HrTime
}

/**
 * The metrics of every pool of this process, for the `metricProducers` of a metric reader: aggregates that
 * are handed over when the reader collects. Nothing is recorded before that, a pool that is closed has no
 * series any more, and one in which nothing moves is there as well.
 *
 * @example
 * new PeriodicExportingMetricReader({ exporter, metricProducers: [poolMetrics()] })
 *
 * @throws PoolkeeperError `INVALID_POLICY` when an option makes no sense
 */
export function poolMetrics(options: PoolMetricsOptions = {}): MetricProducer {
  const numbers = numbersOf(options)
  const buckets = bucketsOf(options)
  return {
    async collect() {
      const endTime = hrTimeOf(Date.now())
      const places = attendedPools().map((pool): Place => {
        return { pool, attributes: poolAttributes(pool), startTime: hrTimeOf(pool.attendedAt), endTime }
      })
      const metrics = [
        ...numbers.map((metric) => numberData(metric, places)),
        ...DURATIONS.map((metric) => durationData(metric, buckets[metric.kind], places)),
      ]
      const scopeMetrics = places.length === 0 ? [] : [{ scope: { name: SCOPE }, metrics }]
      return { resourceMetrics: { resource: NO_RESOURCE, scopeMetrics }, errors: [] }
    },
  }
}

function numberData({ name, unit, description, isMonotonic, valuesOf }: NumberMetric, places: readonly Place[]): MetricData {
  return {
    descriptor: { name, unit, description, valueType: ValueType.INT },
    aggregationTemporality: CUMULATIVE,
    dataPointType: SUM,
    isMonotonic,
    dataPoints: places.flatMap(({ pool, attributes, startTime, endTime }) =>
      valuesOf(pool).map(([value, own]): DataPoint<number> => {
        return { value, attributes: { ...attributes, ...own }, startTime, endTime }
      }),
    ),
  }
}

function durationData({ kind, name, description }: DurationMetric, bounds: readonly number[], places: readonly Place[]): MetricData {
  const boundsMillis = bounds.map((bound) => bound * MILLIS_A_SECOND)
  return {
    descriptor: { name, unit: 's', description, valueType: ValueType.DOUBLE },
    aggregationTemporality: CUMULATIVE,
    dataPointType: HISTOGRAM,
    dataPoints: places.map(({ pool: { keeper }, attributes, startTime, endTime }): DataPoint<Histogram> => {
      const { count, sumMillis, upTo } = keeper.durations(kind, boundsMillis)
      const counts = [...upTo, count].map((below, index) => below - (upTo[index - 1] ?? 0))
      const value = { count, sum: sumMillis / MILLIS_A_SECOND, buckets: { boundaries: [...bounds], counts } }
      return { value, attributes, startTime, endTime }
    }),
  }
}
