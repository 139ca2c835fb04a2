import {
  appliedKeeper,
  checkPolicyOptions,
  registeredKeeper,
  type KeeperDependencies,
  type PoolKeeper,
  type PoolPolicyOptions,
} from '@poolkeeper/core'
import type { Pool } from 'generic-pool'
import { attachKeeper } from './attachment.ts'
import type { ResourceDriver } from './resource-driver.ts'

/**
 * Puts a policy on a pool of generic-pool, whatever it pools.
 *
 * The pool stays what it is, with its factory, its methods, its events and its counts: its decisions are
 * taken by the policy from here on, until `keeper.detach()` gives it back as it was. Applying the same
 * policy again returns the keeper that is there.
 *
 * @param resource - what is known of a resource beyond what its factory does: a driver of
 * `@poolkeeper/drivers`, or a part of one
 * @param dependencies - time and chance, for tests on virtual time
 * @throws PoolkeeperError `INVALID_POLICY`, before anything is touched; `ALREADY_APPLIED` when
 * another policy is on it; `UNSUPPORTED_HOST` when it is no pool of generic-pool 3.6.1 or later, or was
 * drained.
 */
export function applyPoolPolicy<T extends object>(
  pool: Pool<T>,
  policy: PoolPolicyOptions = {},
  resource: ResourceDriver<T> = {},
  dependencies: KeeperDependencies = {},
): PoolKeeper {
  checkPolicyOptions(policy)
  return appliedKeeper(pool, policy) ?? attachKeeper(pool, policy, resource, dependencies)
}

/**
 * The keeper that attends this pool.
 *
 * @throws PoolkeeperError `NOT_APPLIED` when no policy was applied.
 */
export function keeperOf<T>(pool: Pool<T>): PoolKeeper {
  return registeredKeeper(pool, 'pool of generic-pool')
}
