import {
  forgetKeeper,
  inForce,
  LendingKeeper,
  registerKeeper,
  resolvePolicy,
  systemClock,
  type KeeperDependencies,
  type PoolKeeper,
  type PoolPolicy,
  type PoolPolicyOptions,
} from '@poolkeeper/core'
import { pgDriver } from '@poolkeeper/drivers'
import { hostSettings } from './host-settings.ts'
import { asPgPool, type PoolClient } from './pg-pool.ts'
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
  const { clock = systemClock } = dependencies
  const pool = asPgPool(host)
  const settings = hostSettings(pool)
  const policy = resolvePolicy(options, settings)
  const port = new PgPoolPort(pool, pgDriver, inForce(policy), clock)
  const resolve = (changes: PoolPolicyOptions): PoolPolicy => {
    const current = { ...options, ...changes }
    const next = resolvePolicy(current, settings)
    registerKeeper(host, keeper, current)
    return next
  }
  const keeper: LendingKeeper<PoolClient> = new LendingKeeper(port, policy, { ...dependencies, resolve })
  port.attach(keeper)
  port.onDetach(() => forgetKeeper(host))
  registerKeeper(host, keeper, options)
  keeper.start()
  return keeper
}
