export { collectPools, type CollectPoolsOptions } from './collect-pools.ts'
export type { BucketSeconds } from './families.ts'
export type { MetricsRegistry } from './registry.ts'
