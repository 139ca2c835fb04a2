import type { Reauthentication } from '../credentials/reauthentication.ts'
import { credentialLeft } from '../rules/credential.ts'
import type { LendingContext, Facts } from './context.ts'
import type { Hooks } from './hooks.ts'

type Kept = 'keep' | 'retire'

/**
 * What comes back in an open or failed transaction is not lent as it is: the next caller would
 * write into somebody else's transaction, or read its errors.
 */
export class Returns<C extends object> {
  readonly #context: LendingContext<C>
  readonly #hooks: Hooks<C>

  constructor(context: LendingContext<C>, hooks: Hooks<C>) {
    this.#context = context
    this.#hooks = hooks
  }

  /** The user's hook sees a clean session, and comes last. */
  accept(connection: C, facts: Facts, useMillis: number): Kept | Promise<Kept> {
    const { observer, policy, reauthentication } = this.#context
    let cleaning = this.#clean(connection, facts)
    if (reauthentication !== undefined && observer === undefined && reauthentication.isDue(connection, facts)) {
      cleaning = this.#reauthenticateAfter(cleaning, reauthentication, connection, facts)
    }
    if (policy.onRelease === undefined) return cleaning ?? 'keep'
    return this.#hookAfter(cleaning, connection, facts, useMillis)
  }

  // Where a closure may be made, V8 puts what it would need aside at every call: not on the way of every return.
  #hookAfter(cleaning: Promise<Kept> | undefined, connection: C, facts: Facts, useMillis: number): Kept | Promise<Kept> {
    if (cleaning === undefined) return this.#hooks.release(connection, facts, useMillis)
    return cleaning.then((kept) => (kept === 'keep' ? this.#hooks.release(connection, facts, useMillis) : kept))
  }

  /** One that was lent while others were logged in anew. */
  #reauthenticateAfter(
    cleaning: Promise<Kept> | undefined,
    reauthentication: Reauthentication<C>,
    connection: C,
    facts: Facts,
  ): Promise<Kept> {
    const reauthenticate = (): Promise<Kept> => this.#reauthenticate(reauthentication, connection, facts)
    return cleaning === undefined ? reauthenticate() : cleaning.then((kept) => (kept === 'keep' ? reauthenticate() : kept))
  }

  async #reauthenticate(reauthentication: Reauthentication<C>, connection: C, facts: Facts): Promise<Kept> {
    const { clock, policy, situation } = this.#context
    const outcome = await reauthentication.run(connection, policy.validationTimeoutMillis)
    if (facts.condemnedFor !== undefined) return 'retire'
    situation.now = clock.now()
    const isOver = outcome !== 'renewed' && (outcome === 'silent' || credentialLeft(facts, situation) <= 0)
    if (isOver) return this.#retire(facts, 'credential')
    return this.#context.draining === 'closing' ? this.#retire(facts, 'drain') : 'keep'
  }

  /** `undefined` when nothing is to be done, which costs no round trip. */
  #clean(connection: C, facts: Facts): Promise<Kept> | undefined {
    const { policy, port } = this.#context
    if (policy.onReturn === false) return undefined
    const status = port.transactionStatus(connection)
    const isDirty = status === 'open' || status === 'failed'
    if (isDirty) this.#report(facts, status)
    if (policy.onReturn === 'reset') return this.#restoreSession(connection, facts, 'reset')
    // With a single connection, statements of one transaction may come one by one on purpose.
    return isDirty && policy.max > 1 ? this.#restoreSession(connection, facts, 'rollback') : undefined
  }

  #report(facts: Facts, status: 'open' | 'failed'): void {
    const { reporter } = this.#context
    if (reporter.hears('dirtyReturn')) reporter.emit('dirtyReturn', { connection: facts.id, status })
    else reporter.warn('DIRTY_RETURN', dirtyText(status))
  }

  async #restoreSession(connection: C, facts: Facts, how: 'rollback' | 'reset'): Promise<Kept> {
    if (await this.#succeeds(connection, how)) {
      // Its end may have been decided meanwhile.
      if (facts.condemnedFor !== undefined) return 'retire'
      facts.provenAt = this.#context.clock.now()
      facts.provenGeneration = this.#context.generation
      return this.#context.draining === 'closing' ? this.#retire(facts, 'drain') : 'keep'
    }
    return this.#retire(facts, how === 'reset' ? 'resetFailed' : 'dirty')
  }

  #retire(facts: Facts, reason: 'credential' | 'drain' | 'resetFailed' | 'dirty'): 'retire' {
    this.#context.condemn(facts, reason)
    return 'retire'
  }

  #succeeds(connection: C, how: 'rollback' | 'reset'): Promise<boolean> {
    const { clock, policy, port } = this.#context
    return new Promise((resolve) => {
      const timer = clock.after(policy.validationTimeoutMillis, () => clock.afterInput(() => resolve(false)))
      const end = (done: boolean): void => {
        timer.cancel()
        resolve(done)
      }
      // A port may throw where it should reject.
      void (async () => port.restoreSession(connection, how))().then(
        () => end(true),
        () => end(false),
      )
    })
  }
}

export function dirtyText(status: 'open' | 'failed'): string {
  return `a connection came back in an ${status === 'open' ? 'open' : 'aborted'} transaction`
}
