/** Between which limits pauses are drawn. */
export interface BackoffRange {
  /**
   * Milliseconds that the first pause may last, and the least that is doubled.
   *
   * An integer from 20 to 2_147_483_647 (milliseconds).
   *
   * @defaultValue `100` (a tenth of a second)
   */
  readonly firstMillis?: number

  /**
   * Milliseconds that no pause exceeds.
   *
   * An integer from 20 to 2_147_483_647 (milliseconds), not below `firstMillis`.
   *
   * @defaultValue `5_000` (five seconds)
   */
  readonly longestMillis?: number
}

export interface CreateRetryOptions {
  /**
   * Whether a caller goes on waiting when connecting fails. The pool then connects again after a
   * pause (see `createBackoff`), one attempt at a time until one succeeds, and the caller is served by
   * that, or by a connection that another caller gives back; or he fails at his own deadline,
   * `acquireTimeoutMillis`, with the last connect error as the cause.
   *
   * Bites when the server restarts or fails over: requests take as long as that instead of failing.
   * A wrong password, user or database name does not get better by itself, and is the caller's
   * answer at once in any case.
   *
   * `true` or `false`.
   *
   * @defaultValue `false` (a failed connect is the answer, at once and in the driver's own words)
   */
  readonly createRetry?: boolean

  /**
   * How long the pool pauses between attempts to connect that fail: those that `createRetry` makes for
   * callers, those that refill the pool, and the probes of `circuit`. Each pause is drawn anew, from
   * nothing up to a limit that doubles from `firstMillis` to `longestMillis`, so that many processes do
   * not come back in step; no pause is shorter than 20 ms.
   *
   * While somebody waits, or has asked for a connection within the last five seconds, no pause is longer
   * than 500 ms, unless the server refused the credentials. Attempts that fail together count once.
   *
   * @defaultValue `{ firstMillis: 100, longestMillis: 5_000 }`
   */
  readonly createBackoff?: BackoffRange
}

/** However small the draw: a connect that fails at once must not be repeated at once, for ever. */
export const LEAST_PAUSE_MILLIS = 20

/** The end of an outage is noticed so soon by those who need it. */
export const LONGEST_PAUSE_WHILE_WANTED_MILLIS = 500

const MOST_DOUBLINGS = 30

/** Timers may fire a moment early by the clock: what is left of a pause then is none. */
const NOTHING_LEFT_MILLIS = 1

/** One failed attempt to connect. */
export interface FailedAttempt {
  readonly startedAt: number
  readonly failedAt: number
  /** The server does not know us: that is not changed by asking again soon. */
  readonly isHopeless: boolean
}

/** Pauses between failing attempts to connect: exponential, with full jitter. Reads no clock itself. */
export class Backoff {
  #failures = 0
  #failedAt = -Infinity
  #pauseMillis = 0
  #isHopeless = false

  /** Since the last success; what fails together counts once. */
  get failures(): number {
    return this.#failures
  }

  get isFailing(): boolean {
    return this.#failures > 0
  }

  /** The last failure was a matter of credentials. */
  get isHopeless(): boolean {
    return this.#isHopeless
  }

  succeeded(): void {
    this.#failures = 0
    this.#isHopeless = false
    this.#failedAt = -Infinity
    this.#pauseMillis = 0
  }

  failed(attempt: FailedAttempt, range: Required<BackoffRange>, draw: () => number): void {
    this.#isHopeless = attempt.isHopeless
    // Begun before the last failure was known: the same outage, and its pause stands.
    if (attempt.startedAt < this.#failedAt) return
    const limit = Math.min(range.longestMillis, range.firstMillis * 2 ** Math.min(this.#failures, MOST_DOUBLINGS))
    this.#failures++
    this.#failedAt = attempt.failedAt
    this.#pauseMillis = Math.max(LEAST_PAUSE_MILLIS, draw() * limit)
  }

  /** Milliseconds until the next attempt is due; `0` when it is. */
  leftMillis(now: number, isWanted: boolean): number {
    const longest = isWanted && !this.#isHopeless ? LONGEST_PAUSE_WHILE_WANTED_MILLIS : Infinity
    const left = this.#failedAt + Math.min(this.#pauseMillis, longest) - now
    return left < NOTHING_LEFT_MILLIS ? 0 : left
  }
}
