export { applyPoolPolicy, keeperOf } from './apply-pool-policy.ts'
export { isMysql2Pool } from './core-pool.ts'
export type { ClusterKeeper } from './cluster/cluster-keeper.ts'
export {
  findPoolkeeperError,
  isPoolkeeperError,
  logPools,
  type DrainOptions,
  type DrainReport,
  type PoolEvent,
  type PoolKeeper,
  type PoolkeeperError,
  type PoolkeeperErrorCode,
  type PoolLogger,
  type PoolLogLine,
  type PoolPolicyOptions,
  type PoolStats,
} from '@poolkeeper/core'
