import {
  appliedKeeper,
  checkPolicyOptions,
  registeredKeeper,
  type KeeperDependencies,
  type PoolKeeper,
  type PoolPolicyOptions,
} from '@poolkeeper/core'
import type { Pool } from 'pg'
import { attachKeeper } from './attachment.ts'

/**
 * Puts a policy on a `pg.Pool`: on the one that you made, or on the one that your ORM made of your
 * options.
 *
 * The pool stays what it is, with its methods, its events and its counts: its decisions are taken by
 * the policy from here on, until `keeper.detach()` gives it back as it was. Applying the same policy
 * again returns the keeper that is there.
 *
 * @param dependencies - time and chance, for tests on virtual time
 * @throws PoolkeeperError `INVALID_POLICY`, before anything is touched; `ALREADY_APPLIED` when
 * another policy is on it; `UNSUPPORTED_HOST` when it is no pool of pg 8.11 or later.
 */
export function applyPoolPolicy(
  pool: Pool,
  policy: PoolPolicyOptions = {},
  dependencies: KeeperDependencies = {},
): PoolKeeper {
  checkPolicyOptions(policy)
  return appliedKeeper(pool, policy) ?? attachKeeper(pool, policy, dependencies)
}

/**
 * The keeper that attends this pool.
 *
 * @throws PoolkeeperError `NOT_APPLIED` when no policy was applied.
 */
export function keeperOf(pool: Pool): PoolKeeper {
  return registeredKeeper(pool, 'pool of pg')
}
