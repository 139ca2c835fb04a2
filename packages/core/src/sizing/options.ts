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

export type Sizing = ScheduleSizing

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
   * Choose `max` so that all processes together stay below the server's own limit at every hour.
   *
   * @defaultValue `false` (the size stays as it is)
   */
  readonly sizing?: Sizing | false
}

export const DEFAULT_LEAD_MILLIS = 60_000
