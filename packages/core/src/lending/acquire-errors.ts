import { describeCounts, type PoolCounts } from '../counts.ts'
import { PoolkeeperError, type PoolkeeperErrorCode } from '../errors.ts'
import type { LendingContext } from './context.ts'

/** A deadline that fires later than this was held up by this process itself. */
const BLOCKED_FROM_MILLIS = 100

/** Says why a caller got no connection by his deadline, with what the pool held at that moment. */
export function explainTimeout<C extends object>(context: LendingContext<C>, waitMillis: number): PoolkeeperError {
  const { lastOpenError, policy } = context
  const counts = context.counts()
  const { code, why } =
    context.paused === false
      ? diagnose(counts, context)
      : { code: 'PAUSED' as const, why: 'the pool is paused' }
  const lateBy = Math.round(waitMillis - policy.acquireTimeoutMillis)
  const blocked = lateBy >= BLOCKED_FROM_MILLIS ? `; the event loop of this process was blocked for ${lateBy} ms at the end` : ''
  const held = describeCounts(counts, policy.max)
  const message = `no connection from pool "${policy.name}" within ${Math.round(waitMillis)} ms: ${why}${blocked} (${held})`
  return new PoolkeeperError(code, message, { pool: policy.name, counts, cause: lastOpenError })
}

/** For who asks a pool that is being drained. */
export function drainingError<C extends object>(context: LendingContext<C>): PoolkeeperError {
  const { name } = context.policy
  return new PoolkeeperError('DRAINING', `pool "${name}" is being drained`, { pool: name, counts: context.counts() })
}

/** For who asks a pool that is paused. */
export function pausedError<C extends object>(context: LendingContext<C>): PoolkeeperError {
  const { name } = context.policy
  return new PoolkeeperError('PAUSED', `pool "${name}" is paused`, { pool: name, counts: context.counts() })
}

/** For who asks for what only a policy in force can do. */
export function observingError<C extends object>(context: LendingContext<C>, what: string): PoolkeeperError {
  const { name } = context.policy
  const message = `pool "${name}" is only observed: ${what} needs reconfigure({ mode: 'enforce' }) first`
  return new PoolkeeperError('OBSERVING', message, { pool: name })
}

/** What stands between a caller and a connection now. */
export function whyWaiting<C extends object>(context: LendingContext<C>): string {
  if (context.paused !== false) return 'the pool is paused'
  return diagnose(context.counts(), context).why
}

function diagnose<C extends object>(
  { used, opening, validating }: PoolCounts,
  { hooking, lastOpenError, policy }: LendingContext<C>,
): { code: PoolkeeperErrorCode; why: string } {
  if (used >= policy.max) return { code: 'POOL_EXHAUSTED', why: 'all connections were in use' }
  if (hooking > 0) return { code: 'HOOK_FAILED', why: 'a hook had not returned' }
  if (lastOpenError !== undefined) return { code: 'CONNECT_FAILED', why: `connecting failed: ${textOf(lastOpenError)}` }
  if (opening > 0) return { code: 'CONNECT_FAILED', why: 'connecting got no answer' }
  if (validating > 0) return { code: 'VALIDATION_FAILED', why: 'connections did not answer their validation' }
  return { code: 'ACQUIRE_TIMEOUT', why: 'none came free' }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
