import { rulesOf, type RulesByMoment } from '../rules/index.ts'
import type { HostValues, PolicySource, PolicyValues, PoolPolicy } from './values.ts'

export interface ModeOptions {
  /**
   * `'observe'` tries a policy out on a live pool, and changes nothing there: no checks, no deadlines of
   * ours, nothing opened ahead, nothing closed, nobody refused, no hook called; the host's own limits and
   * timeouts stay. What `'enforce'` would have done is counted in `stats().observed`, and told as the
   * event `observed`. Only one thing is done: a connection that dies does not end the process for
   * want of an `error` listener. And where the policy has `credentials`, connections are opened with them.
   *
   * `keeper.reconfigure({ mode: 'enforce' })` switches over while the pool runs, and back again: for a
   * roll-out without a restart. Between the two it is what it always is: `drain()`, `pause()`, `resume()`
   * and `evictIdle()` do what they say, since somebody asked for it; `ready()` opens nothing and
   * is done at once; `resize()` and `recycle()` are refused with `OBSERVING`, since they need what is off.
   *
   * What is counted is judged on the pool as it is: a connection that would have been retired
   * stays, so each is counted once, and what a new one in its place would have met is not known.
   *
   * `'enforce'` or `'observe'`.
   *
   * @defaultValue `'enforce'` (the policy is in force)
   */
  readonly mode?: 'enforce' | 'observe'
}

/**
 * What stays as it was resolved: it names the pool, bounds what an operator asks for, or only judges.
 * Without its credentials a pool could not connect at all, least of all one that was switched over.
 */
type Kept =
  | 'name'
  | 'mode'
  | 'overflowAfterMillis'
  | 'createBackoff'
  | 'lifetimeSpread'
  | 'validationQuery'
  | 'validationTimeoutMillis'
  | 'retireOn'
  | 'credentials'
  | 'drainTimeoutMillis'
  | 'leakThresholdMillis'
  | 'detectNestedAcquire'
  | 'sizing'

/** What the host sees to itself. */
type Host = 'min' | 'max' | 'acquireTimeoutMillis' | 'connectTimeoutMillis'

/** Everything by which the keeper would act; a new option does not compile until it is settled here. */
const OFF: Omit<PolicyValues, Kept | Host> = {
  minIdle: false,
  maxPending: false,
  maxConcurrentCreates: false,
  overflow: 0,
  createRetry: false,
  circuit: false,
  replaceAhead: 0,
  idleTimeoutMillis: false,
  maxLifetimeMillis: false,
  maxUses: false,
  validateRole: false,
  validateAfterIdleMillis: false,
  keepaliveMillis: false,
  onReturn: false,
  onOpen: undefined,
  onAcquire: undefined,
  onRelease: undefined,
  reclaimLeaks: false,
}

/**
 * What is in force: the policy itself; or, while it only observes, a policy in which everything of
 * ours is off and the host's own values hold. So nothing that acts has to ask which of the two it is.
 */
export function inForce(policy: PoolPolicy): PoolPolicy {
  if (policy.mode === 'enforce') return policy
  const { min, max, acquireTimeoutMillis, connectTimeoutMillis }: HostValues = policy.host
  const sources = Object.fromEntries(Object.keys(policy.sources).map((field) => [field, 'host' satisfies PolicySource]))
  return Object.freeze({
    ...policy,
    ...OFF,
    ...{ min, max, acquireTimeoutMillis, connectTimeoutMillis },
    // Told, and nobody fails for it.
    detectNestedAcquire: policy.detectNestedAcquire && 'warn',
    sources: Object.freeze(sources) as PoolPolicy['sources'],
  })
}

/** The rules that are in force: none that would retire anything while the policy only observes. */
export function rulesInForce(policy: PoolPolicy): RulesByMoment {
  return rulesOf(policy.mode === 'enforce' ? policy : { ...inForce(policy), credentials: undefined })
}
