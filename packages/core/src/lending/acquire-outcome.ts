import { isPoolkeeperError } from '../errors.ts'

/** Of our own errors, what the user's code says is the answer of an attempt; the others turn callers away. */
const FAILURES: ReadonlySet<unknown> = new Set(['HOOK_FAILED', 'CREDENTIALS_FAILED'])

/** What an error that answers a caller before his deadline makes of his acquire. */
export function outcomeOf(error: unknown): 'refused' | 'failed' {
  return isPoolkeeperError(error) && !FAILURES.has(error.code) ? 'refused' : 'failed'
}
