import type { PoolkeeperError } from '@poolkeeper/core'
import type { Mysql2PoolConfig } from './mysql2-pool.ts'

/** mysql2's own words, which applications match on, with ours as their cause; where it has none, ours. */
export function inHostWords(error: Error, { waitForConnections }: Mysql2PoolConfig): Error {
  const { code } = error as Partial<PoolkeeperError>
  if (code === 'DRAINING') return new Error('Pool is closed.', { cause: error })
  if (code !== 'POOL_EXHAUSTED') return error
  return new Error(waitForConnections ? 'Queue limit reached.' : 'No connections available.', { cause: error })
}

/** As mysql2's own, for the part of a handshake over which its versions do not watch. */
export function connectTimeout(): Error {
  return Object.assign(new Error('connect ETIMEDOUT'), {
    code: 'ETIMEDOUT',
    errorno: 'ETIMEDOUT',
    syscall: 'connect',
    fatal: true,
  })
}
