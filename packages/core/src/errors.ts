import type { PoolCounts } from './counts.ts'
import type { Holding } from './lending/holding/holdings.ts'

/** A stable, greppable name for everything this project throws. Match on it, never on `message`. */
export type PoolkeeperErrorCode =
  /** A caller's deadline passed, for none of the reasons that have a code of their own. */
  | 'ACQUIRE_TIMEOUT'
  /** A caller's deadline passed while all connections, `max` of them, were in use. */
  | 'POOL_EXHAUSTED'
  /** A deadline, a caller's or that of `ready()`, passed while connecting failed or got no answer; `cause` is the last connect error. */
  | 'CONNECT_FAILED'
  /** The provider of `credentials` threw, gave no answer in time, or returned nonsense; `cause` says what. */
  | 'CREDENTIALS_FAILED'
  /** A caller's deadline passed while connections did not answer their validation. */
  | 'VALIDATION_FAILED'
  /** Connecting failed so often in a row that nobody is let into it now; `cause` is the last connect error. */
  | 'CIRCUIT_OPEN'
  /** `onAcquire` refused this caller. */
  | 'HOOK_REFUSED'
  /** A hook threw, or did not return in time; `cause` is what it threw. */
  | 'HOOK_FAILED'
  /** Every connection is held by work that waits for one more, and this caller gives way; with `detectNestedAcquire: 'fail'`. */
  | 'DEADLOCK'
  /**
   * A connection was lost under commands in flight, or under the lease that they were sent through. They may have
   * been executed, and are not sent again; a WATCH is lost with its connection.
   */
  | 'CONNECTION_LOST'
  /** The pool is being closed, by `drain()` or in the host's own way, and lends nothing more. */
  | 'DRAINING'
  /** The pool is paused: refused at once with `waiters: 'fail'`, else at the caller's deadline. */
  | 'PAUSED'
  /** The policy only observes (`mode: 'observe'`): what was asked for needs it in force. */
  | 'OBSERVING'
  /** A policy, or a size for `resize()`, is refused; `invalid` says which option, its bound and the value. */
  | 'INVALID_POLICY'
  /** The history of `sizing.predictive` could not be read or written, or is none that this version can use; `cause` says why. */
  | 'HISTORY_FAILED'
  /** This host cannot be attended, or cannot do what was asked of it. */
  | 'UNSUPPORTED_HOST'
  /** The pool has another policy already. */
  | 'ALREADY_APPLIED'
  /** No policy was applied to this pool. */
  | 'NOT_APPLIED'

export interface PoolkeeperErrorDetails {
  /** The name of the pool that failed. */
  readonly pool?: string | undefined
  /** What the pool held at the moment of failure. */
  readonly counts?: PoolCounts | undefined
  /** Who holds the pool's connections, by line of code, where that is known. */
  readonly holders?: readonly Holding[] | undefined
  /** With `DEADLOCK`: who waits while he holds one. */
  readonly waiters?: readonly Holding[] | undefined
  /** With `INVALID_POLICY`: what was wrong, for programs. */
  readonly invalid?: InvalidOption | undefined
  /** What went wrong below: a connect error, if there was one. */
  readonly cause?: unknown
}

/** One refused option of a policy. */
export interface InvalidOption {
  readonly option: string
  /** What it must be, in words. */
  readonly bound: string
  /** What it was. */
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
  readonly holders: readonly Holding[] | undefined
  readonly waiters: readonly Holding[] | undefined

  constructor(code: PoolkeeperErrorCode, message: string, details: PoolkeeperErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.pool = details.pool
    this.counts = details.counts
    this.invalid = details.invalid
    this.holders = details.holders
    this.waiters = details.waiters
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
