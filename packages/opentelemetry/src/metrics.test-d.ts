import type { MetricProducer } from '@opentelemetry/sdk-metrics'
import type { MetricProducer as NewestProducer } from '@opentelemetry/sdk-metrics-3'
import { expectTypeOf, test } from 'vitest'
import { poolMetrics } from './pool-metrics.ts'

test('poolMetrics is a metric producer of the SDK that is there', () => {
  expectTypeOf(poolMetrics).returns.toEqualTypeOf<MetricProducer>()
  // Between two copies, enumerations differ by name alone: each installation has one.
  expectTypeOf<Parameters<MetricProducer['collect']>>().toEqualTypeOf<Parameters<NewestProducer['collect']>>()
})
