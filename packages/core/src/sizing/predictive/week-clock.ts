const MINUTE_MILLIS = 60_000
const DAY_MILLIS = 24 * 60 * MINUTE_MILLIS
const WEEK_MILLIS = 7 * DAY_MILLIS

/** The grain of what is learnt: shorter ones tell chance from habit badly, longer ones miss when a peak begins. */
export const SLOT_MILLIS: number = 5 * MINUTE_MILLIS
export const WEEK_SLOTS: number = WEEK_MILLIS / SLOT_MILLIS

/** 1970 began on a Thursday, and weeks begin on Monday. */
const EPOCH_IN_WEEK_MILLIS = 3 * DAY_MILLIS

/** No zone changes its clocks within a quarter of an hour. */
const SAME_OFFSET_MILLIS = 15 * MINUTE_MILLIS

/**
 * The time of the week as the people of one zone live it, in slots of five minutes from Monday's midnight.
 *
 * Where clocks are put forward, some slots do not come; where they are put back, some come twice.
 */
export class WeekClock {
  readonly timeZone: string
  readonly #format: Intl.DateTimeFormat
  #known = { quarter: NaN, offsetMillis: 0 }

  constructor(timeZone: string) {
    this.timeZone = timeZone
    this.#format = new Intl.DateTimeFormat('en-u-ca-iso8601-nu-latn', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /** @param at - milliseconds since the epoch */
  slotAt(at: number): number {
    return Math.floor(modulo(this.#local(at) + EPOCH_IN_WEEK_MILLIS, WEEK_MILLIS) / SLOT_MILLIS)
  }

  /** When the slot began that `at` lies in, in milliseconds since the epoch. */
  slotStart(at: number): number {
    return at - modulo(this.#local(at), SLOT_MILLIS)
  }

  #local(at: number): number {
    const quarter = Math.floor(at / SAME_OFFSET_MILLIS)
    if (quarter !== this.#known.quarter) this.#known = { quarter, offsetMillis: this.#offsetAt(quarter * SAME_OFFSET_MILLIS) }
    return at + this.#known.offsetMillis
  }

  #offsetAt(at: number): number {
    const parts = Object.fromEntries(this.#format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
    return Date.UTC(year, month - 1, day, hour, minute, second) - at
  }
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}
