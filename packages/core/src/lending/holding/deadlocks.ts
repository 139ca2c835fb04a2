import type { Timer } from '../../clock.ts'
import { PoolkeeperError } from '../../errors.ts'
import type { Waiter } from '../../port.ts'
import type { Scope } from '../../scope.ts'
import type { LendingContext } from '../context.ts'
import { addUp, describeHoldings, holdersOf, type Holding } from './holdings.ts'

const LOOK_EVERY_MILLIS = 25
/** Nothing may have moved for so long. */
const CONFIRM_MILLIS = 100
/** A look that comes later than this tells nothing: this process did not run. */
const LATE_FROM_MILLIS = 50

/** A caller that asks within what others of his work hold. */
type NestedWaiter = Waiter & { readonly origin: NonNullable<Waiter['origin']> }

/**
 * Finds the moment in which a pool stands still for good: every connection is held by work that
 * waits for one more. One of those that wait fails, so that its work ends and the rest go on.
 */
export class Deadlocks<C extends object> {
  readonly #context: LendingContext<C>
  #timer: Timer | undefined
  #dueAt = 0
  /** The state that would be a deadlock if it lasted, and since when it does. */
  #suspected: string | undefined
  #since = 0

  constructor(context: LendingContext<C>) {
    this.#context = context
  }

  /** Somebody asks for one more connection while he holds one. */
  suspect(): void {
    if (this.#timer === undefined) this.#schedule()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#suspected = undefined
  }

  #schedule(): void {
    const { clock } = this.#context
    this.#dueAt = clock.now() + LOOK_EVERY_MILLIS
    this.#timer = clock.after(LOOK_EVERY_MILLIS, () => {
      const isLate = clock.now() - this.#dueAt >= LATE_FROM_MILLIS
      // An answer that a holder waits for may have arrived, and not been read yet.
      clock.afterInput(() => this.#look(isLate))
    })
  }

  #look(isLate: boolean): void {
    if (this.#timer === undefined) return
    const { clock, policy } = this.#context
    const waiters = this.#nestedWaiters()
    if (waiters.length === 0 || policy.detectNestedAcquire !== 'fail') return this.stop()
    const now = clock.now()
    const state = this.#standstill(waiters)
    if (state === undefined || state !== this.#suspected || isLate) {
      this.#suspected = state
      this.#since = now
    } else if (now - this.#since >= CONFIRM_MILLIS) {
      this.#suspected = undefined
      this.#break(waiters, now)
    }
    this.#schedule()
  }

  #nestedWaiters(): NestedWaiter[] {
    const isNested = (waiter: Waiter): waiter is NestedWaiter =>
      waiter.origin?.within.some(({ state }) => state === 'bound') === true
    return this.#context.port.waiters().filter(isNested)
  }

  /** What everybody holds, when nobody can go on; the same text for as long as nothing moves. */
  #standstill(waiters: readonly NestedWaiter[]): string | undefined {
    const { draining, ledger, paused, policy, port, tracking } = this.#context
    const { idle, opening, validating, closing, used } = this.#context.counts()
    if (draining !== false || paused !== false) return undefined
    if (idle + opening + validating + closing > 0 || used < policy.max + policy.overflow) return undefined
    const waiting = new Set<Scope>(waiters.flatMap(({ origin }) => origin.within))
    const leases: string[] = []
    for (const connection of port.lent()) {
      const scope = tracking.lease(connection)?.origin?.opens
      const facts = ledger.get(connection)
      if (scope === undefined || facts === undefined || !waiting.has(scope)) return undefined
      if (port.isBusy(connection) !== false) return undefined
      leases.push(`${facts.id} ${facts.uses} ${facts.provenAt}`)
    }
    return leases.join()
  }

  #break(waiters: readonly NestedWaiter[], now: number): void {
    const { policy, port, reporter } = this.#context
    const victim = waiters.toSorted((a, b) => a.since - b.since).at(-1)
    if (victim === undefined) return
    const holders = holdersOf(this.#context, now)
    const callers = addUp(waiters, now)
    const error = new PoolkeeperError('DEADLOCK', this.#describe(holders, callers), {
      pool: policy.name,
      counts: this.#context.counts(),
      holders,
      waiters: callers,
    })
    if (!port.rejectWaiter(victim.origin, error)) return
    const { site, owner } = victim.origin
    if (reporter.hears('deadlock')) {
      reporter.emit('deadlock', { site, owner, waitMillis: now - victim.since, holders, waiters: callers })
    }
  }

  #describe(holders: readonly Holding[], waiters: readonly Holding[]): string {
    const count = holders.reduce((sum, holding) => sum + holding.count, 0)
    const all = count === 1 ? 'the only connection is' : `all ${count} connections are`
    return [
      `pool "${this.#context.policy.name}" is deadlocked: ${all} held by work that waits for one more`,
      ` (${describeHoldings(holders, 'held since')}; ${describeHoldings(waiters, 'waiting since')})`,
      '. This caller gives way. Within a transaction, send queries through it (trx)',
    ].join('')
  }
}
