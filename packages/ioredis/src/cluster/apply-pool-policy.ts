import { appliedKeeper, checkPolicyOptions, type KeeperDependencies, type PoolPolicyOptions } from '@poolkeeper/core'
import type { Cluster } from 'ioredis'
import { ClusterAttachment } from './attachment.ts'
import type { ClusterKeeper } from './cluster-keeper.ts'
import { asHostCluster } from './host-cluster.ts'

/**
 * Puts a policy on the connections that a Cluster of ioredis keeps, one to each node.
 *
 * The Cluster stays ioredis's own: what it sends, where, and how often is its matter. Its connections are checked
 * after a rest, found out when they are silent, and renewed by the policy, until `keeper.detach()`. Applying the same
 * policy again returns the keeper that is there.
 *
 * @param dependencies - time and chance, for tests on virtual time
 * @throws PoolkeeperError `INVALID_POLICY`, before anything is touched; `ALREADY_APPLIED` when another policy is on it;
 * `UNSUPPORTED_HOST` when it is no Cluster of ioredis, or for what cannot be had on one.
 */
export function applyPoolPolicy(cluster: Cluster, policy: PoolPolicyOptions = {}, dependencies: KeeperDependencies = {}): ClusterKeeper {
  checkPolicyOptions(policy)
  const host = asHostCluster(cluster)
  return (appliedKeeper(host, policy) as ClusterKeeper | undefined) ?? new ClusterAttachment(host, policy, dependencies).group
}
