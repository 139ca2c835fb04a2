import type { PoolCounts } from './counts.ts'

/** A stable, greppable name for everything this project throws. Match on it, never on `message`. */
export type PoolkeeperErrorCode =
  | 'ACQUIRE_TIMEOUT'
  | 'POOL_EXHAUSTED'
  | 'CONNECT_FAILED'
  | 'VALIDATION_FAILED'
  | 'DRAINING'
  | 'PAUSED'
  | 'INVALID_POLICY'
  | 'UNSUPPORTED_HOST'
  | 'ALREADY_APPLIED'
  | 'NOT_APPLIED'

export interface PoolkeeperErrorDetails {
  /** The name of the pool that failed. */
  readonly pool?: string | undefined
  /** What the pool held at the moment of failure. */
  readonly counts?: PoolCounts | undefined
  /** With `INVALID_POLICY`: what was wrong, for programs. */
  readonly invalid?: InvalidOption | undefined
  readonly cause?: unknown
}

/** One refused option of a policy. */
export interface InvalidOption {
  readonly option: string
  readonly bound: string
  readonly value: unknown
}

// Two copies of this package may meet in one process, so the mark is global and `instanceof` is not used.
const BRAND = Symbol.for('poolkeeper.error/v1')

/** Every error that Poolkeeper raises: a code, the pool's counts, and the reason below it as `cause`. */
export class PoolkeeperError extends Error {
  override readonly name = 'PoolkeeperError'
  readonly code: PoolkeeperErrorCode
  readonly pool: string | undefined
  readonly counts: PoolCounts | undefined
  readonly invalid: InvalidOption | undefined

  constructor(code: PoolkeeperErrorCode, message: string, details: PoolkeeperErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.pool = details.pool
    this.counts = details.counts
    this.invalid = details.invalid
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/**
 * Tells whether `error` was raised by Poolkeeper, also by another copy of it in the same process.
 */
export function isPoolkeeperError(error: unknown): error is PoolkeeperError {
  return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[BRAND] === true
}

/**
 * Finds Poolkeeper's own error in `error` or below it, for hosts that keep an error class of
 * their own on top (Knex's `KnexTimeoutError`) and carry ours as `cause`.
 */
export function findPoolkeeperError(error: unknown): PoolkeeperError | undefined {
  let current: unknown = error
  // A chain of causes may be made circular by anybody; ten links are more than any host builds.
  for (let depth = 0; depth < 10 && typeof current === 'object' && current !== null; depth++) {
    if (isPoolkeeperError(current)) return current
    current = (current as { cause?: unknown }).cause
  }
  return undefined
}
