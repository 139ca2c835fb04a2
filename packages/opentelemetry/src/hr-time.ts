import type { HrTime } from '@opentelemetry/api'
import { MILLIS_A_SECOND } from './options.ts'

/** Milliseconds since the epoch, as the SDK takes them without a guess of what they count from. */
export function hrTimeOf(millis: number): HrTime {
  const seconds = Math.floor(millis / MILLIS_A_SECOND)
  return [seconds, Math.round((millis - seconds * MILLIS_A_SECOND) * 1_000_000)]
}
