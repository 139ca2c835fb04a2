import { describeCounts, type PoolCounts } from '../counts.ts'
import { PoolkeeperError, type PoolkeeperErrorCode } from '../errors.ts'
import type { LendingContext } from './context.ts'
import { describeHoldings, holdersOf } from './holding/holdings.ts'
import { blockedText } from './upkeep/loop-lag.ts'

/** Says why a caller got no connection by his deadline, with what the pool held at that moment. */
export function explainTimeout<C extends object>(context: LendingContext<C>, waitMillis: number): PoolkeeperError {
  const { clock, lastOpenError, policy, tracking } = context
  const counts = context.counts()
  const { code, why } =
    context.paused === false ? diagnose(context, counts) : { code: 'PAUSED' as const, why: 'the pool is paused' }
  const blocked = blockedText(waitMillis - policy.acquireTimeoutMillis)
  const holders = tracking.size > 0 ? holdersOf(context, clock.now()) : undefined
  const who = describeHoldings(holders ?? [], 'held since')
  const held = `${describeCounts(counts, policy.max)}${who && `; ${who}`}`
  const message = `no connection from pool "${policy.name}" within ${Math.round(waitMillis)} ms: ${why}${blocked} (${held})`
  return new PoolkeeperError(code, message, { pool: policy.name, counts, holders, cause: lastOpenError })
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
  return diagnose(context, context.counts()).why
}

function diagnose<C extends object>(
  { hooking, lastOpenBlockedMillis, lastOpenError, policy }: LendingContext<C>,
  { used, opening, validating }: PoolCounts,
): { code: PoolkeeperErrorCode; why: string } {
  if (used >= policy.max) return { code: 'POOL_EXHAUSTED', why: 'all connections were in use' }
  if (hooking > 0) return { code: 'HOOK_FAILED', why: 'a hook had not returned' }
  if (lastOpenError !== undefined) {
    const why = `connecting failed: ${textOf(lastOpenError)}${blockedText(lastOpenBlockedMillis)}`
    return { code: 'CONNECT_FAILED', why }
  }
  if (opening > 0) return { code: 'CONNECT_FAILED', why: 'connecting got no answer' }
  if (validating > 0) return { code: 'VALIDATION_FAILED', why: 'connections did not answer their validation' }
  return { code: 'ACQUIRE_TIMEOUT', why: 'none came free' }
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
