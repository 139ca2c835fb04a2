import type { PoolExplanation } from './lending/operating/explain.ts'
import type { PoolHealth } from './lending/operating/health.ts'
import type { PoolPolicyOptions } from './policy/options.ts'
import type { PoolObserver, SubscribeOptions } from './reporter.ts'
import type { PoolPolicy } from './policy/values.ts'
import type { ForecastOptions, SizingForecast } from './sizing/predictive/forecast.ts'
import type { DurationBuckets, DurationKind, PoolStats } from './stats.ts'

export interface ReadyOptions {
  /**
   * Milliseconds to wait until `min` connections stand ready.
   *
   * @defaultValue the policy's `acquireTimeoutMillis`
   */
  readonly timeoutMillis?: number
}

export interface ResizeOptions {
  readonly min?: number
  readonly max?: number
}

export interface DrainOptions {
  /**
   * Milliseconds to wait for connections in use; after that they are closed under their holders.
   *
   * @defaultValue the policy's `drainTimeoutMillis`
   */
  readonly timeoutMillis?: number
  /**
   * What becomes of callers that wait already: `'reject'` answers them at once with `DRAINING`,
   * `'finish'` still serves them until the deadline.
   *
   * @defaultValue `'reject'`
   */
  readonly waiters?: 'reject' | 'finish'
}

export interface PauseOptions {
  /**
   * What becomes of callers: `'wait'` lets them wait for `resume()`, each to his own deadline;
   * `'fail'` answers those that wait and those that come with `PAUSED`.
   *
   * @defaultValue `'wait'`
   */
  readonly waiters?: 'wait' | 'fail'
}

/** How a drain ended. */
export interface DrainReport {
  /** Whether every connection came back by itself before the deadline. */
  readonly clean: boolean
  readonly durationMillis: number
  /** Callers that were waiting and got an error. */
  readonly rejectedWaiters: number
  /** Connections that were closed under their holders. */
  readonly blockers: readonly DrainBlocker[]
}

/** A connection that did not come back in time. */
export interface DrainBlocker {
  readonly connection: number
  readonly heldMillis: number
  /** The line of code that acquired it, where that is known. */
  readonly site: string | undefined
  /** The label that `ownedBy` gave to its holder's work. */
  readonly owner: string | undefined
}

/** What attends one host pool: it shows it, and operates it. */
export interface PoolKeeper {
  readonly name: string
  /** What was resolved, and where each value came from. */
  readonly policy: PoolPolicy
  /** Only where it stands for several pools: what attends each of them. */
  readonly nodes?: ReadonlyMap<string, PoolKeeper>

  /** Counts, waits, uses, and why connections were closed. Sampled, so that a frozen pool is visible. */
  stats(): PoolStats

  /**
   * How long callers waited that got a connection, connections were held, or connecting took, counted up
   * to each of some ascending bounds: for a histogram of a metrics system.
   */
  durations(what: DurationKind, boundsMillis: readonly number[]): DurationBuckets

  /**
   * Tells `observer` everything that happens, until the returned function is called. An observer
   * that throws changes nothing, and is reported as a process warning.
   */
  subscribe(observer: PoolObserver, options?: SubscribeOptions): () => void

  /**
   * Opens connections until `min` (and `minIdle`) stand ready, and keeps them so from now on.
   *
   * With `mode: 'observe'` it opens nothing, and is done at once.
   *
   * @throws PoolkeeperError `CONNECT_FAILED` with the last connect error as `cause`, when they do
   * not stand in time.
   */
  ready(options?: ReadyOptions): Promise<void>

  /**
   * Sets `min`, `max` or both, at once. Growth wakes callers that wait; shrinkage closes idle
   * connections now, and connections in use when they come back.
   *
   * @throws PoolkeeperError `INVALID_POLICY` when the sizes are out of bounds or contradict;
   * `OBSERVING` with `mode: 'observe'`.
   */
  resize(size: ResizeOptions): Promise<void>

  /**
   * Replaces every connection that exists now, a few at a time: a new one is opened first, the old
   * one is closed when nobody uses it. Resolves when the last of the old ones is gone.
   *
   * @throws PoolkeeperError `UNSUPPORTED_HOST` where a connection cannot be replaced (SQLite);
   * `OBSERVING` with `mode: 'observe'`.
   */
  recycle(): Promise<void>

  /** Closes every idle connection above `min` now; resolves with how many were closed. SQLite: none. */
  evictIdle(): Promise<number>

  /**
   * Stops lending until `resume()`. What is in use goes on; callers wait, each to his own
   * deadline, or get `PAUSED` at once. For a failover that is under way, or a migration.
   */
  pause(options?: PauseOptions): void

  /** Lends again: callers that wait are served, the oldest first. */
  resume(): void

  /**
   * Changes fields of the policy while the pool runs. What exists is judged by the new values from
   * now on: a shorter lifetime makes old connections due at once.
   *
   * @throws PoolkeeperError `INVALID_POLICY`, and nothing is changed, when a value is out of
   * bounds, contradicts, or cannot change in a running pool (`name`).
   */
  reconfigure(changes: PoolPolicyOptions): void

  /** For readiness probes: whether callers are served, and why not. */
  health(): PoolHealth

  /** Why is it stuck: every connection with what is due next, every caller with what he waits for. */
  explain(): PoolExplanation

  /**
   * What `sizing.predictive` expects of the hours to come, and what it will make of it: a curve with its band.
   * `undefined` where the policy does not have it.
   *
   * @throws PoolkeeperError `INVALID_POLICY` when `horizonMillis` is out of bounds.
   */
  forecast(options?: ForecastOptions): SizingForecast | undefined

  /**
   * Stops lending, answers the callers that wait, waits for connections in use up to a deadline,
   * and closes everything. Asked again, it returns the same promise.
   */
  drain(options?: DrainOptions): Promise<DrainReport>

  /** Gives the pool back as it was found: methods, options, listeners. Closes nothing. */
  detach(): void
}
