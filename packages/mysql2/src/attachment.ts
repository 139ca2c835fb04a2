import {
  attachLendingKeeper,
  resolvePolicy,
  type KeeperDependencies,
  type PoolKeeper,
  type PoolPolicyOptions,
} from '@poolkeeper/core'
import { hostSettings } from './host-settings.ts'
import type { TurnAway } from './pool/acquires.ts'
import type { Mysql2Pool } from './pool/mysql2-pool.ts'
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
  const settings = hostSettings(pool.config)
  return attachLendingKeeper({
    host: pool,
    options,
    dependencies,
    settle: (current) => resolvePolicy(current, settings),
    port: (policy, clock) => new Mysql2Port(pool, policy, clock, turnAway),
  })
}
