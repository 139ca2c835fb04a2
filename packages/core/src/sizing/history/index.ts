export { fileHistory } from './file-history.ts'
export { postgresHistory, type PostgresHistoryClient, type PostgresHistoryOptions } from './postgres-history.ts'
export { redisHistory, type RedisHistoryClient, type RedisHistoryOptions } from './redis-history.ts'
export type { SizingHistory } from './store.ts'
