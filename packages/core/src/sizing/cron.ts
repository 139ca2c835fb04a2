import { Cron } from 'croner'

/** The moments that a cron expression names, in milliseconds since the epoch. */
export interface Recurrence {
  /** The first one after `at`. */
  after(at: number): number | undefined
  /** The last one that is not after `at`. */
  upTo(at: number): number | undefined
}

/** @throws Error that says what is wrong with the expression, in the library's words. */
export function recurrenceOf(expression: string, timeZone: string): Recurrence {
  const cron = new Cron(expression, { timezone: timeZone, paused: true })
  if (cron.getPattern() === undefined) throw new TypeError('a date comes only once')
  return {
    after: (at) => cron.nextRun(new Date(at))?.getTime(),
    // What the library calls previous is before, and cron knows no fraction of a second.
    upTo: (at) => cron.previousRuns(1, new Date(Math.floor(at / 1_000) * 1_000 + 1_000))[0]?.getTime(),
  }
}
