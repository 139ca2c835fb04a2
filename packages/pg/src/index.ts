export { applyPoolPolicy, keeperOf } from './apply-pool-policy.ts'
export { isPgPool } from './pg-pool.ts'
export {
  findPoolkeeperError,
  isPoolkeeperError,
  type DrainOptions,
  type DrainReport,
  type PoolEvent,
  type PoolKeeper,
  type PoolkeeperError,
  type PoolkeeperErrorCode,
  type PoolPolicyOptions,
  type PoolStats,
} from '@poolkeeper/core'
