import { Overrides, PoolkeeperError } from '@poolkeeper/core'
import { isObject, type GetConnectionCallback, type Mysql2Pool } from '../pool/mysql2-pool.ts'

export interface ClusterNode {
  readonly id: string
  readonly pool: Mysql2Pool
}

/**
 * The part of mysql2's `PoolCluster` that is used here, private parts included; as with the pool,
 * all of it stands in this file.
 */
export interface Mysql2Cluster {
  readonly _nodes: Readonly<Record<string, ClusterNode>>
  readonly _closed: boolean
  /** Whether a caller whose node failed is sent to another one. */
  _canRetry: boolean
  /** `add(config)` makes an id of its own. */
  add(id: unknown, config?: unknown): void
  /** Takes a node out of service when there were too many. */
  _increaseErrorCount(node: ClusterNode): void
}

const METHODS = ['add', '_increaseErrorCount'] as const

/** @throws PoolkeeperError `UNSUPPORTED_HOST` */
export function asCluster(cluster: object): Mysql2Cluster {
  const fields = cluster as Record<string, unknown>
  const missing: string[] = METHODS.filter((method) => typeof fields[method] !== 'function')
  if (!isObject(fields['_nodes'])) missing.push('_nodes')
  if (typeof fields['_canRetry'] !== 'boolean') missing.push('_canRetry')
  if (missing.length > 0) {
    const what = `this is not a cluster of mysql2 as this version knows it (3.9 to 3.x): ${missing.join(', ')} missing`
    throw new PoolkeeperError('UNSUPPORTED_HOST', what)
  }
  if (fields['_closed'] === true) throw new PoolkeeperError('UNSUPPORTED_HOST', 'this cluster of mysql2 is closed')
  return cluster as Mysql2Cluster
}

/**
 * Tells a caller what the policy answers him: that says nothing of the node, and is not to be asked
 * of another one, where he would wait for a whole deadline once more.
 */
export function turnAway(cluster: Mysql2Cluster, callback: GetConnectionCallback, error: Error): void {
  const overrides = new Overrides(cluster)
  overrides.set('_increaseErrorCount', () => {})
  overrides.set('_canRetry', false)
  try {
    // Both are looked at within the callback.
    callback(error)
  } finally {
    overrides.undo()
  }
}
