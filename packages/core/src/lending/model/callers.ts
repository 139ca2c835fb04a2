import { isPoolkeeperError, type PoolkeeperErrorCode } from '../../errors.ts'
import type { AcquireCounters } from '../../stats.ts'

/** The reason of a caller who leaves by himself. */
export const LEFT: Error = new Error('the caller left')

/** Somebody who waits, as he sees it himself. */
export interface WaitingCaller {
  readonly since: number
  /** What this process had not run for by then: no part of his deadline. */
  readonly lostBefore: number
  readonly leave: () => void
}

const REFUSALS: ReadonlySet<PoolkeeperErrorCode> = new Set(['DRAINING', 'PAUSED', 'POOL_EXHAUSTED', 'CIRCUIT_OPEN', 'HOOK_REFUSED'])

/** How the pool has to count a caller who was told so. */
export function outcomeOf(error: unknown): keyof AcquireCounters {
  if (error === LEFT) return 'aborted'
  if (!isPoolkeeperError(error)) return 'failed'
  // Why there was none by the deadline may be told with the same code as that there is none now.
  if (error.message.startsWith('no connection from pool')) return 'timedOut'
  return REFUSALS.has(error.code) ? 'refused' : 'failed'
}
