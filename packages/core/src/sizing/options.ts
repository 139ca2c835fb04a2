import type { SizingHistory } from './history/store.ts'
import type { SizingObservation } from './observation.ts'

/** The limits of a pool at one time. */
export interface PoolSize {
  readonly min: number
  readonly max: number
}

/** From each moment that `cron` names, the pool has this size, until another entry's moment comes. */
export interface ScheduleEntry {
  /**
   * When it begins: minute, hour, day of the month, month and day of the week, with a sixth field for seconds
   * before them if need be; also `@daily` and the like. Any dialect that the library croner reads.
   *
   * Where clocks are put forward, a moment that does not exist is the first one after the gap; where they are put
   * back, a moment that comes twice is the first of the two.
   *
   * A text of 1 to 200 characters.
   */
  readonly cron: string
  /**
   * Whose clock `cron` means: a name of the IANA database, such as `'Europe/Berlin'` or `'UTC'`.
   *
   * A text of 1 to 100 characters.
   */
  readonly timeZone: string
  /**
   * Connections kept open.
   *
   * An integer from 0 to `max`.
   */
  readonly min: number
  /**
   * Connections at most.
   *
   * An integer from 1 to 100_000.
   */
  readonly max: number
}

/** Sizes by the clock. */
export interface ScheduleSizing {
  /**
   * One entry or more, at most 50. No two may come round at the same moment: nobody could say which of them holds.
   */
  readonly schedule: readonly ScheduleEntry[]
  /**
   * Milliseconds by which growth comes before its moment, so that the connections stand when they are needed.
   * Shrinkage comes at its moment.
   *
   * An integer from 0 to 86_400_000 (milliseconds).
   *
   * @defaultValue `60_000` (one minute)
   */
  readonly leadMillis?: number
}

/** How adaptive sizing decides. */
export interface AdaptiveOptions {
  /**
   * The share of callers who may have to wait, by which the connections kept open are counted: with the load a that
   * was measured, about a + β·√a of them (Erlang C; β is 2.4 for 0.01, 1.7 for 0.05). Lower it where a wait hurts
   * more than an idle connection.
   *
   * A ratio from 0.001 to 0.5.
   *
   * @defaultValue `0.01` (one caller in a hundred)
   */
  readonly waitProbability?: number
  /**
   * Milliseconds for which fewer have to be enough before fewer are kept open, and before another limit is tried on
   * a server that was saturated. Growth never waits.
   *
   * An integer from 1_000 to 86_400_000 (milliseconds).
   *
   * @defaultValue `60_000` (one minute)
   */
  readonly cooldownMillis?: number
}

/** Sizes by the load that is measured. */
export interface AdaptiveSizing {
  /** `true`, or how it decides. */
  readonly adaptive: true | AdaptiveOptions
}

/** How predictive sizing learns, and how it decides. */
export interface PredictiveOptions extends AdaptiveOptions {
  /**
   * Where what is learnt is kept, so that a restart does not forget it: `fileHistory()`, `redisHistory()`,
   * `postgresHistory()`, or a store of your own. One for each pool: of several that write to one, the last one counts.
   *
   * It is read once, and written about every ten minutes and when the pool is drained, in the background. What cannot
   * be read, or is no history that this version knows, is told as `historyFailed`, and the pool begins cold; what a
   * later version has written is left as it is.
   */
  readonly history: SizingHistory
  /**
   * Whose week it goes by: a name of the IANA database, such as `'Europe/Berlin'`. Choose that of the people who bring
   * the load, and their habits stay at their hours when the clocks are changed. A history of another zone is not used.
   *
   * A text of 1 to 100 characters.
   *
   * @defaultValue `'UTC'`
   */
  readonly timeZone?: string
  /**
   * Milliseconds by which connections are opened ahead of the five minutes that need them. Longer where a connect is
   * slow, or a server has to wake up first.
   *
   * An integer from 0 to 3_600_000 (milliseconds).
   *
   * @defaultValue `120_000` (two minutes)
   */
  readonly leadMillis?: number
  /**
   * How sure it has to be that no more will be needed than is opened ahead: the share of weeks in which the load of
   * five minutes stays below the upper edge of its band. Raise it where a wait hurts more than an idle connection.
   *
   * A ratio from 0.5 to 0.999.
   *
   * @defaultValue `0.9`
   */
  readonly confidence?: number
}

/** Sizes by the load that is measured, and ahead of the one that is expected. */
export interface PredictiveSizing {
  /** Where it keeps its history, and how it decides. */
  readonly predictive: PredictiveOptions
}

/**
 * Sizes by a function of yours, asked about once a second while the pool is in use. It answers at once, with a size
 * within `observation.bounds`; where it throws, or answers something else, the size stays as it is, and the event
 * `sizingFailed` says why.
 */
export type SizingFunction = (observation: SizingObservation) => PoolSize

export type Sizing = ScheduleSizing | AdaptiveSizing | PredictiveSizing | SizingFunction

export interface SizingOptions {
  /**
   * Changes `min` and `max` while the pool runs, as `keeper.resize()` would: growth is opened ahead and serves who
   * waits; shrinkage closes what is idle at once, what is in use when it comes back, and nothing below `min`.
   * Each change is told as the event `resized`, with its reason.
   *
   * `{ schedule: [...] }` sizes by the clock: each entry holds from the moments that it names until another one's
   * comes. Entries stay within the `min` and `max` that the policy names; those of the host they replace. A
   * `resize()` by hand holds until the next moment.
   *
   * `{ adaptive: true }` sizes by the load, between `min` and `max`: as many connections are kept open as nearly all
   * callers find one at once (see `waitProbability`), and demand opens more, up to `max`, as it does without. Fewer
   * are kept when the load has been smaller for a while. Where more connections are only held for longer, since the
   * server is saturated, the pool keeps to fewer: it tries out whether as much gets done, and tries more again
   * later; the reasons of `resized` are then `saturated` and `recovering`. A `resize()` by hand sets the bounds anew.
   *
   * `{ predictive: { history } }` does the same, and learns what is usual at each time of the week: what is expected of
   * the next minutes is opened ahead (the reason of `resized` is then `predictive`), and no less is kept than adaptive
   * sizing asks for. A pool that knows nothing yet is sized as by `adaptive`. `keeper.forecast()` shows what it expects.
   *
   * A function sizes as you like, by the same observation: see `SizingFunction`.
   *
   * Choose `max` so that all processes together stay below the server's own limit at every hour.
   *
   * @defaultValue `false` (the size stays as it is)
   */
  readonly sizing?: Sizing | false
}

export const DEFAULT_LEAD_MILLIS = 60_000
