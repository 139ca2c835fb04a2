/** Every reason for which a connection is closed; each has its own counter in `stats().closes`. */
export const CLOSE_REASONS = [
  /** Idle for longer than `idleTimeoutMillis`, above `min`. */
  'idle',
  /** Older than `maxLifetimeMillis` allows. */
  'maxLifetime',
  /** Lent `maxUses` times. */
  'maxUses',
  /** Failed its validation, or did not answer it in time. */
  'invalid',
  /** The connection died, or the server said that it will. */
  'fatal',
  /** Of an older generation, and failed its proof. */
  'stale',
  /** Answered, but in the wrong role. */
  'role',
  /** Came back in an open or failed transaction. */
  'dirty',
  /** The session reset on return failed. */
  'resetFailed',
  /** A user's hook retired it, threw, or did not return; also before it was ever opened for anybody. */
  'hook',
  /** Its credential expired, or was about to, or the server takes another one by now. */
  'credential',
  /** `max` was lowered. */
  'shrink',
  /** Opened above `max`, and not needed any more. */
  'overflow',
  /** `recycle()` replaced it. */
  'recycle',
  /** Reclaimed from a holder that never gave it back. */
  'leak',
  /** The pool was drained or destroyed. */
  'drain',
  /** The host library closed it for a reason of its own. */
  'host',
] as const

export type CloseReason = (typeof CLOSE_REASONS)[number]
