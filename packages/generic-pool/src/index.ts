export { applyPoolPolicy, keeperOf } from './apply-pool-policy.ts'
export { isGenericPool, type CreateAttempt } from './generic-pool.ts'
export type { ResourceDriver } from './resource-driver.ts'
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
