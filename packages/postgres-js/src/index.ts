export { applyPoolPolicy, keeperOf, type AnySql } from './apply-pool-policy.ts'
export { withPoolPolicy } from './with-pool-policy.ts'
export {
  findPoolkeeperError,
  isPoolkeeperError,
  type DrainOptions,
  type DrainReport,
  type PoolCredentials,
  type PoolEvent,
  type PoolKeeper,
  type PoolkeeperError,
  type PoolkeeperErrorCode,
  type PoolPolicyOptions,
  type PoolStats,
} from '@poolkeeper/core'
