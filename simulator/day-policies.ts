import type { PoolPolicyOptions, SizingHistory } from '@poolkeeper/core'

/** Enough for the largest peak and the flash crowd, with one caller in a hundred waiting. */
const AT_PEAK = 80

const timeZone = 'UTC'

/** What the generated day is tried with. Schedule and history know the usual day, and not its flash crowd. */
export function policiesForDay(history: SizingHistory): (readonly [name: string, policy: PoolPolicyOptions])[] {
  return [
    ['fixed', { min: AT_PEAK, max: AT_PEAK }],
    [
      'schedule',
      {
        sizing: {
          schedule: [
            { cron: '0 7 * * *', timeZone, min: 12, max: AT_PEAK },
            { cron: '0 9 * * *', timeZone, min: 22, max: AT_PEAK },
            { cron: '45 11 * * *', timeZone, min: 32, max: AT_PEAK },
            { cron: '30 13 * * *', timeZone, min: 24, max: AT_PEAK },
            { cron: '0 17 * * *', timeZone, min: 32, max: AT_PEAK },
            { cron: '0 18 * * *', timeZone, min: 20, max: AT_PEAK },
            { cron: '0 20 * * *', timeZone, min: 12, max: AT_PEAK },
            { cron: '0 22 * * *', timeZone, min: 4, max: AT_PEAK },
          ],
        },
      },
    ],
    ['adaptive', { min: 0, max: AT_PEAK, sizing: { adaptive: true } }],
    ['predictive', { min: 0, max: AT_PEAK, sizing: { predictive: { history } } }],
    // What demand alone makes of the same bounds.
    ['on demand', { min: 0, max: AT_PEAK }],
  ]
}
