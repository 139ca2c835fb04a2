import { PoolkeeperError } from '../errors.ts'
import type { HookName } from '../hooks.ts'
import type { LendAnswer, Refusal } from '../port.ts'
import type { Facts, LendingContext } from './context.ts'
import type { Losses } from './proof/losses.ts'

/** How the call of a hook ended. `over`: the keeper is detached, and nothing it says matters. */
type Outcome =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly error: unknown }
  | { readonly kind: 'hung' }
  | { readonly kind: 'over' }

type Kept = 'keep' | 'retire'

/**
 * Calls the user's hooks, and makes of what they do what the pool does.
 *
 * A call that returns no promise is settled within the same turn. One that does is bounded, and
 * given up when nobody waits for it any more or its connection dies; what it still says then is
 * heard by nobody.
 */
export class Hooks<C extends object> {
  readonly #context: LendingContext<C>
  readonly #losses: Losses<C>
  /** Calls under way, at most one a connection. */
  readonly #running = new Map<C, (outcome: Outcome) => void>()
  #isDetached = false

  constructor(context: LendingContext<C>, losses: Losses<C>) {
    this.#context = context
    this.#losses = losses
  }

  /** Makes a new connection fit; rejects with what makes the attempt to connect a failed one. */
  open(connection: C): Promise<void> | undefined {
    const { clock, generation, ledger, policy } = this.#context
    const { onOpen } = policy
    if (onOpen === undefined || this.#isDetached) return undefined
    const facts = ledger.open(connection, clock.now(), generation)
    const info = { pool: policy.name, connection: facts.id }
    const outcome = this.#run(connection, () => onOpen(connection, info), policy.connectTimeoutMillis)
    if (outcome instanceof Promise) return outcome.then((ended) => this.#settleOpen(connection, facts, ended))
    return outcome.kind === 'returned' ? undefined : this.#settleOpen(connection, facts, outcome)
  }

  async #settleOpen(connection: C, facts: Facts, outcome: Outcome): Promise<void> {
    if (outcome.kind === 'threw' || outcome.kind === 'hung') throw this.#failOpen(connection, facts, outcome)
  }

  /** It was never in anybody's books but the ledger's: told and counted here, and nowhere else. */
  #failOpen(connection: C, facts: Facts, outcome: Outcome): unknown {
    const { clock, counters, ledger, reporter } = this.#context
    const error = this.#failed('onOpen', facts, outcome)
    this.#context.condemn(facts, 'hook')
    const { condemnedFor: reason = 'hook', id, openedAt, uses } = facts
    counters.closes[reason]++
    ledger.forget(connection)
    if (reporter.hears('closed')) reporter.emit('closed', { connection: id, reason, ageMillis: clock.now() - openedAt, uses })
    return error
  }

  /** Asked when nothing else speaks against lending it. */
  acquire(connection: C, facts: Facts): LendAnswer | Promise<LendAnswer> {
    const { clock, policy } = this.#context
    const { onAcquire } = policy
    if (onAcquire === undefined || this.#isDetached) return this.#lend(facts)
    const { id, idleSince, uses } = facts
    const info = { pool: policy.name, connection: id, uses: uses + 1, idleMillis: clock.now() - idleSince }
    const outcome = this.#run(connection, () => onAcquire(connection, info), policy.acquireTimeoutMillis)
    if (!(outcome instanceof Promise)) return this.#judgeAcquire(connection, facts, outcome)
    this.#context.validatingLent++
    return outcome.then((ended) => {
      this.#context.validatingLent--
      return this.#judgeAcquire(connection, facts, ended)
    })
  }

  #judgeAcquire(connection: C, facts: Facts, outcome: Outcome): LendAnswer {
    // A verdict before this one may have taken it for lent already.
    facts.lentAt = Infinity
    if (outcome.kind === 'over') return this.#lend(facts)
    if (this.#isLost(connection, facts, outcome)) return false
    if (outcome.kind === 'returned') {
      if (outcome.value === 'refuse') return this.#refusal('HOOK_REFUSED', 'onAcquire refused this caller', true)
      if (outcome.value === 'retire' && this.#retire('onAcquire', facts)) return false
      return this.#lend(facts)
    }
    const error = this.#failed('onAcquire', facts, outcome)
    const isKept = !this.#retire('onAcquire', facts)
    return this.#refusal('HOOK_FAILED', 'onAcquire failed', isKept, error)
  }

  #lend(facts: Facts): true {
    facts.lentAt = this.#context.clock.now()
    return true
  }

  #refusal(code: 'HOOK_REFUSED' | 'HOOK_FAILED', why: string, keep: boolean, cause?: unknown): Refusal {
    const { name } = this.#context.policy
    const text = cause === undefined ? why : `${why}: ${textOf(cause)}`
    const counts = this.#context.counts()
    return { keep, error: new PoolkeeperError(code, `pool "${name}": ${text}`, { pool: name, counts, cause }) }
  }

  /** Asked when nothing else speaks against keeping it. */
  release(connection: C, facts: Facts, useMillis: number): Kept | Promise<Kept> {
    const { policy } = this.#context
    const { onRelease } = policy
    if (onRelease === undefined || this.#isDetached) return 'keep'
    const info = { pool: policy.name, connection: facts.id, uses: facts.uses, useMillis }
    const outcome = this.#run(connection, () => onRelease(connection, info), policy.acquireTimeoutMillis)
    if (!(outcome instanceof Promise)) return this.#judgeRelease(connection, facts, outcome)
    return outcome.then((ended) => this.#judgeRelease(connection, facts, ended))
  }

  #judgeRelease(connection: C, facts: Facts, outcome: Outcome): Kept {
    if (outcome.kind === 'over') return 'keep'
    if (this.#isLost(connection, facts, outcome)) return 'retire'
    if (outcome.kind === 'returned') return outcome.value === 'retire' && this.#retire('onRelease', facts) ? 'retire' : 'keep'
    this.#failed('onRelease', facts, outcome)
    return this.#retire('onRelease', facts) ? 'retire' : 'keep'
  }

  /** Its end came, or was decided, while the hook ran: no fault of the hook's. */
  #isLost(connection: C, facts: Facts, outcome: Outcome): boolean {
    const { draining, port } = this.#context
    // What did not answer the hook is not asked to say goodbye.
    if (outcome.kind === 'hung') facts.suspect = true
    if (draining === 'closing') this.#context.condemn(facts, 'drain')
    if (outcome.kind === 'threw') {
      // The error may come before the socket ends, and says as much.
      const harm = port.isBroken(connection) ? 'connection' : port.harmOf(outcome.error)
      this.#losses.failed(connection, outcome.error, harm)
    }
    return facts.condemnedFor !== undefined
  }

  #failed(hook: HookName, facts: Facts, outcome: Outcome): unknown {
    const error = outcome.kind === 'threw' ? outcome.error : this.#hung(hook)
    const { reporter } = this.#context
    if (reporter.hears('hookFailed')) reporter.emit('hookFailed', { hook, connection: facts.id, error })
    // The others fail a caller or a connect, who tells.
    else if (hook === 'onRelease') reporter.warn('HOOK_FAILED', `onRelease failed: ${textOf(error)}`)
    return error
  }

  /** `false` where a connection is the database itself: a hook does not lose it. */
  #retire(hook: HookName, facts: Facts): boolean {
    const { port, reporter } = this.#context
    if (port.replaceable) this.#context.condemn(facts, 'hook')
    else reporter.warn('HOOK_NOT_RETIRED', `${hook} would close a connection that is the database itself: it is kept`)
    return port.replaceable
  }

  #hung(hook: HookName): PoolkeeperError {
    const { name } = this.#context.policy
    return new PoolkeeperError('HOOK_FAILED', `pool "${name}": ${hook} did not return in time`, { pool: name })
  }

  /** Nobody waits for the hook on this connection any more, or the connection died under it. */
  giveUp(connection: C): void {
    this.#running.get(connection)?.({ kind: 'hung' })
  }

  /** The pool is being closed, and has waited long enough. */
  giveUpAll(): void {
    for (const end of [...this.#running.values()]) end({ kind: 'hung' })
  }

  /** The keeper is detached: connections go where they would have gone without it. */
  detach(): void {
    this.#isDetached = true
    for (const end of [...this.#running.values()]) end({ kind: 'over' })
  }

  #run(connection: C, call: () => unknown, timeoutMillis: number): Outcome | Promise<Outcome> {
    try {
      const value = call()
      return isThenable(value) ? this.#await(connection, value, timeoutMillis) : { kind: 'returned', value }
    } catch (error) {
      return { kind: 'threw', error }
    }
  }

  #await(connection: C, answer: PromiseLike<unknown>, timeoutMillis: number): Promise<Outcome> {
    const { clock } = this.#context
    this.#context.hooking++
    return new Promise((resolve) => {
      const end = (outcome: Outcome): void => {
        if (this.#running.get(connection) !== end) return
        this.#running.delete(connection)
        timer.cancel()
        this.#context.hooking--
        resolve(outcome)
      }
      this.#running.set(connection, end)
      const timer = clock.after(timeoutMillis, () => clock.afterInput(() => end({ kind: 'hung' })))
      // Settled by a promise of ours: a thenable may throw where it should reject.
      Promise.resolve(answer).then(
        (value) => end({ kind: 'returned', value }),
        (error: unknown) => end({ kind: 'threw', error }),
      )
    })
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === 'function'
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
