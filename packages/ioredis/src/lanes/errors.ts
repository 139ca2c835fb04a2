import { PoolkeeperError } from '@poolkeeper/core'

/** What was in flight may have been executed: it is never sent again. */
export function connectionLost(pool: string, what: string, cause?: unknown): PoolkeeperError {
  const text = `pool "${pool}": a connection ${what}; the command may have been executed, and is not sent again`
  return new PoolkeeperError('CONNECTION_LOST', text, { pool, cause })
}
