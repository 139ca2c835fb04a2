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
  const { clock = systemClock } = dependencies
  const pool = asGenericPool(host)
  const known = knownResource(pool, driver)
  const settings = hostSettings(pool._config, known)
  const settle = (current: PoolPolicyOptions): PoolPolicy => {
    const policy = resolvePolicy(current, settings)
    checkAgainstResource(current, known)
    return policy
  }
  const policy = settle(options)
  const port = new GenericPoolPort(pool, known, inForce(policy), clock)
  const resolve = (changes: PoolPolicyOptions): PoolPolicy => {
    const current = { ...options, ...changes }
    const next = settle(current)
    registerKeeper(host, keeper, current)
    return next
  }
  const keeper: LendingKeeper<Resource> = new LendingKeeper(port, policy, { ...dependencies, resolve })
  port.attach(keeper)
  port.onDetach(() => forgetKeeper(host))
  registerKeeper(host, keeper, options)
  keeper.start()
  return keeper
}
