import { PoolkeeperError, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/core'

/** What attends a `PoolCluster`: every operation is carried out on the pools of all its nodes. */
export interface ClusterKeeper extends PoolKeeper {
  /** What attends the pool of each node, by the node's id. */
  readonly nodes: ReadonlyMap<string, PoolKeeper>
}

/** @throws PoolkeeperError `UNSUPPORTED_HOST`: one history cannot tell of several pools. */
export function refuseOneHistory({ sizing }: PoolPolicyOptions): void {
  if (typeof sizing !== 'object' || !('predictive' in sizing)) return
  throw new PoolkeeperError('UNSUPPORTED_HOST', 'sizing.predictive: the nodes of a PoolCluster would share one history; `adaptive` goes by the load of each')
}
