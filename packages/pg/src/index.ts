export { applyPoolPolicy, keeperOf } from './apply-pool-policy.ts'
export { isPgPool } from './pg-pool.ts'
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
