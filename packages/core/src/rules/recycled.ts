import { retire } from '../verdict.ts'
import type { Rule } from './rule.ts'

/**
 * Replaces what existed when `recycle()` was called. Asked only in rounds, so that the
 * replacement is opened first and no caller waits for it.
 */
export function recycled(): Rule {
  return {
    name: 'recycled',
    moments: ['round'],
    judge: (facts, { recycleBefore }) => (facts.openedAt < recycleBefore ? retire('recycle') : undefined),
  }
}
