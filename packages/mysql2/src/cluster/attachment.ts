import {
  checkPolicyOptions,
  forgetKeeper,
  KeeperGroup,
  Overrides,
  registerKeeper,
  resolvePolicy,
  type KeeperDependencies,
  type PoolKeeper,
  type PoolPolicyOptions,
} from '@poolkeeper/core'
import { attachKeeper } from '../attachment.ts'
import { hostSettings, MYSQL2_DEFAULTS } from '../host-settings.ts'
import type { GetConnectionCallback } from '../pool/mysql2-pool.ts'
import { refuseOneHistory, type ClusterKeeper } from './cluster-keeper.ts'
import { turnAway, type ClusterNode, type Mysql2Cluster } from './mysql2-cluster.ts'

const CLUSTER_NAME = 'mysql2 cluster'

/**
 * Puts a keeper in charge of the pool of every node that the cluster has, and of those that it gets.
 *
 * @throws PoolkeeperError `INVALID_POLICY`, before anything is touched.
 */
export function attachClusterKeeper(
  cluster: Mysql2Cluster,
  options: PoolPolicyOptions,
  dependencies: KeeperDependencies,
): ClusterKeeper {
  checkPolicyOptions(options)
  refuseOneHistory(options)
  for (const { pool } of Object.values(cluster._nodes)) resolvePolicy(options, hostSettings(pool.config))
  const overrides = new Overrides(cluster)
  const group: KeeperGroup<PoolKeeper> = new KeeperGroup(options, {
    settings: { defaults: { ...MYSQL2_DEFAULTS, name: CLUSTER_NAME } },
    isServed: (id) => cluster._nodes[id] !== undefined,
    check: refuseOneHistory,
    changed: (next) => registerKeeper(cluster, group, next),
    detached() {
      overrides.undo()
      forgetKeeper(cluster)
    },
  })
  const attend = ({ id, pool }: ClusterNode): void => {
    const settings = hostSettings(pool.config)
    const name = `${group.name} ${id}`.slice(0, 200)
    const keeper = attachKeeper(pool, { ...group.options, name }, dependencies, answer)
    group.add(id, { keeper, settings })
  }
  const answer = (callback: GetConnectionCallback, error: Error): void => turnAway(cluster, callback, error)
  const { add } = cluster
  overrides.set('add', (id, config) => {
    const before = new Set(Object.values(cluster._nodes))
    add.call(cluster, id, config)
    for (const node of Object.values(cluster._nodes)) if (!before.has(node)) attend(node)
  })
  for (const node of Object.values(cluster._nodes)) attend(node)
  registerKeeper(cluster, group, options)
  return group
}
