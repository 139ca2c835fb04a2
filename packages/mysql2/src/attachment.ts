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
import { hostSettings } from './host-settings.ts'
import type { TurnAway } from './pool/acquires.ts'
import type { Mysql2Pool, PoolConnection } from './pool/mysql2-pool.ts'
import { Mysql2Port } from './pool/mysql2-port.ts'

/**
 * Puts a keeper in charge of a callback pool of mysql2, and registers it.
 *
 * @throws PoolkeeperError `INVALID_POLICY`
 */
export function attachKeeper(
  pool: Mysql2Pool,
  options: PoolPolicyOptions,
  dependencies: KeeperDependencies,
  turnAway?: TurnAway,
): PoolKeeper {
  const { clock = systemClock } = dependencies
  const settings = hostSettings(pool.config)
  const policy = resolvePolicy(options, settings)
  const port = new Mysql2Port(pool, inForce(policy), clock, turnAway)
  const resolve = (changes: PoolPolicyOptions): PoolPolicy => {
    const next = resolvePolicy({ ...options, ...changes }, settings)
    registerKeeper(pool, keeper, { ...options, ...changes })
    return next
  }
  const keeper: LendingKeeper<PoolConnection> = new LendingKeeper(port, policy, { ...dependencies, resolve })
  port.attach(keeper)
  port.onDetach(() => forgetKeeper(pool))
  registerKeeper(pool, keeper, options)
  keeper.start()
  return keeper
}
