import {
  appliedKeeper,
  checkPolicyOptions,
  registeredKeeper,
  type KeeperDependencies,
  type PoolKeeper,
  type PoolPolicyOptions,
} from '@poolkeeper/core'
import type { Pool, PoolCluster } from 'mysql2'
import type { Pool as PromisePool, PoolCluster as PromisePoolCluster } from 'mysql2/promise'
import { attachKeeper } from './attachment.ts'
import { attachClusterKeeper } from './cluster/attachment.ts'
import type { ClusterKeeper } from './cluster/cluster-keeper.ts'
import { coreOf, hostBelow } from './core-pool.ts'

/**
 * Puts a policy on a pool of mysql2, or on every pool of a cluster.
 *
 * The pool stays mysql2's own: its decisions are taken by the policy from here on, until
 * `keeper.detach()` gives it back as it was. Callback and promise pools are the same pool below,
 * and one keeper attends both. Applying the same policy again returns the keeper that is there.
 *
 * @param dependencies - time and chance, for tests on virtual time
 * @throws PoolkeeperError `INVALID_POLICY`, before anything is touched; `ALREADY_APPLIED` when
 * another policy is on it; `UNSUPPORTED_HOST` when it is no pool of mysql2, or is closed.
 */
export function applyPoolPolicy(
  cluster: PoolCluster | PromisePoolCluster,
  policy?: PoolPolicyOptions,
  dependencies?: KeeperDependencies,
): ClusterKeeper
export function applyPoolPolicy(
  pool: Pool | PromisePool,
  policy?: PoolPolicyOptions,
  dependencies?: KeeperDependencies,
): PoolKeeper
export function applyPoolPolicy(
  given: unknown,
  policy: PoolPolicyOptions = {},
  dependencies: KeeperDependencies = {},
): PoolKeeper {
  checkPolicyOptions(policy)
  const host = hostBelow(given)
  if (host.kind === 'pool') return appliedKeeper(host.pool, policy) ?? attachKeeper(host.pool, policy, dependencies)
  return appliedKeeper(host.cluster, policy) ?? attachClusterKeeper(host.cluster, policy, dependencies)
}

/**
 * The keeper that attends this pool or cluster; the same for both of its faces.
 *
 * @throws PoolkeeperError `NOT_APPLIED` when no policy was applied.
 */
export function keeperOf(cluster: PoolCluster | PromisePoolCluster): ClusterKeeper
export function keeperOf(pool: Pool | PromisePool): PoolKeeper
export function keeperOf(given: unknown): PoolKeeper {
  return registeredKeeper(coreOf(given) as object, 'pool of mysql2')
}
