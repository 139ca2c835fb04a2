export { applyPoolPolicy, keeperOf } from './apply-pool-policy.ts'
export { withPoolPolicy } from './with-pool-policy.ts'
export {
  findPoolkeeperError,
  isPoolkeeperError,
  logPools,
  ownedBy,
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
