import {
  attachLendingKeeper,
  resolvePolicy,
  type KeeperDependencies,
  type PoolKeeper,
  type PoolPolicyOptions,
} from '@poolkeeper/core'
import { pgDriver } from '@poolkeeper/drivers'
import { hostSettings } from './host-settings.ts'
import { asPgPool } from './pg-pool.ts'
import { PgPoolPort } from './pg-pool-port.ts'

/**
 * Puts a keeper in charge of a pool, and registers it for that pool.
 *
 * @throws PoolkeeperError `UNSUPPORTED_HOST`, `INVALID_POLICY`; the pool is as it was then.
 */
export function attachKeeper(
  host: object,
  options: PoolPolicyOptions,
  dependencies: KeeperDependencies = {},
): PoolKeeper {
  const pool = asPgPool(host)
  const settings = hostSettings(pool)
  return attachLendingKeeper({
    host,
    options,
    dependencies,
    settle: (current) => resolvePolicy(current, settings),
    port: (policy, clock) => new PgPoolPort(pool, pgDriver, policy, clock),
  })
}
