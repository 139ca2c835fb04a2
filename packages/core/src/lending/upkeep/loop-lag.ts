/** A timer that fires so much later than it should was held up by this process itself. */
export const BLOCKED_FROM_MILLIS = 100

/**
 * What an error about a deadline says of this process: a blocked event loop and a slow server look
 * alike to whoever waits. Empty when the timer was on time.
 */
export function blockedText(lateByMillis: number): string {
  if (lateByMillis < BLOCKED_FROM_MILLIS) return ''
  return `; the event loop of this process was blocked for ${Math.round(lateByMillis)} ms at the end`
}
