import type { DurationKind } from '@poolkeeper/core'
import { CREATE_TIME, USE_TIME, WAIT_TIME } from './names.ts'

/** A metric that is a histogram of seconds for each pool. */
export interface DurationMetric {
  readonly kind: DurationKind
  readonly name: string
  readonly description: string
}

export const DURATIONS: readonly DurationMetric[] = [
  { kind: 'wait', name: WAIT_TIME, description: 'The time it took to obtain an open connection from the pool.' },
  { kind: 'use', name: USE_TIME, description: 'The time between borrowing a connection and returning it to the pool.' },
  { kind: 'open', name: CREATE_TIME, description: 'The time it took to create a new connection.' },
]
