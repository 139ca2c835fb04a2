export { applyPoolPolicy, keeperOf, type AnySql } from './apply-pool-policy.ts'
export { withPoolPolicy } from './with-pool-policy.ts'
export {
  findPoolkeeperError,
  isPoolkeeperError,
  logPools,
  type DrainOptions,
  type DrainReport,
  type PoolCredentials,
  type PoolEvent,
  type PoolKeeper,
  type PoolkeeperError,
  type PoolkeeperErrorCode,
  type PoolLogger,
  type PoolLogLine,
  type PoolPolicyOptions,
  type PoolStats,
} from '@poolkeeper/core'
