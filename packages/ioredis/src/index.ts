export { applyPoolPolicy } from './cluster/apply-pool-policy.ts'
export type { ClusterKeeper, ClusterNodeKeeper, ClusterRole } from './cluster/cluster-keeper.ts'
export { createRedisPool, keeperOf, type RedisSource } from './create-redis-pool.ts'
export type { NotOnPool, RedisPool, RedisPoolPolicy } from './redis-pool.ts'
export type { RedisLease } from './leases/leases.ts'
export type { ConnectionCommand } from './commands/names.ts'
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
