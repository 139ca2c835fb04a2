import { logPools, registerKeeper, type PoolKeeper } from '@poolkeeper/core'
import { poolMetrics } from '@poolkeeper/opentelemetry'
import { collectPools } from '@poolkeeper/prometheus'
import { Registry } from 'prom-client'

/** More often than anybody asks. */
const ASKED_EVERY_MILLIS = 1_000

/** Everything that looks at pools, at a pool that no port has made known. */
export function seeAll(pool: object, keeper: PoolKeeper): void {
  registerKeeper(pool, keeper, {})
  lookAtAll()
}

/** Everything that looks at pools, at once. */
export function lookAtAll(): void {
  const registry = new Registry()
  collectPools(registry)
  const producer = poolMetrics()
  logPools(() => {})
  setInterval(() => void Promise.all([registry.metrics(), producer.collect()]), ASKED_EVERY_MILLIS).unref()
}
