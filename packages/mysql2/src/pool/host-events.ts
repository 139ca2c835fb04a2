import type { Mysql2Pool, PoolConnection } from './mysql2-pool.ts'

/** mysql2's events; a listener that throws ends the process as ever, and leaves the books in order. */
export function tell(pool: Mysql2Pool, event: 'acquire' | 'connection' | 'release', connection: PoolConnection): void {
  try {
    pool.emit(event, connection)
  } catch (error) {
    throwLater(error)
  }
}

/** Nothing is free for a caller, and nothing is opened for him. */
export function tellEnqueued(pool: Mysql2Pool): void {
  try {
    pool.emit('enqueue')
  } catch (error) {
    throwLater(error)
  }
}

function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
