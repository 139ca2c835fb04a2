export { observePools, type ObservePoolsOptions } from './observe-pools.ts'
export type { BucketSeconds, PoolMetricsOptions } from './options.ts'
export { poolMetrics } from './pool-metrics.ts'
export { traceWaits, type TraceWaitsOptions } from './trace-waits.ts'
