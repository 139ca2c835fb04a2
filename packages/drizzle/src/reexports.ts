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
