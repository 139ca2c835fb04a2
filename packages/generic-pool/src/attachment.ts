import {
  attachLendingKeeper,
  resolvePolicy,
  type KeeperDependencies,
  type PoolKeeper,
  type PoolPolicyOptions,
} from '@poolkeeper/core'
import { GenericPoolPort } from './generic-pool-port.ts'
import { asGenericPool, type Resource } from './generic-pool.ts'
import { checkAgainstResource, hostSettings } from './host-settings.ts'
import { knownResource, type ResourceDriver } from './resource-driver.ts'

/**
 * Puts a keeper in charge of a pool, and registers it for that pool.
 *
 * @throws PoolkeeperError `UNSUPPORTED_HOST`, `INVALID_POLICY`; the pool is as it was then.
 */
export function attachKeeper(
  host: object,
  options: PoolPolicyOptions,
  driver: ResourceDriver<Resource>,
  dependencies: KeeperDependencies,
): PoolKeeper {
  const pool = asGenericPool(host)
  const known = knownResource(pool, driver)
  const settings = hostSettings(pool._config, known)
  return attachLendingKeeper({
    host,
    options,
    dependencies,
    settle(current) {
      const policy = resolvePolicy(current, settings)
      checkAgainstResource(current, known)
      return policy
    },
    port: (policy, clock) => new GenericPoolPort(pool, known, policy, clock),
  })
}
