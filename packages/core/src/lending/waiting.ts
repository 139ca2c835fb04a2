import { AsyncResource } from 'node:async_hooks'
import type { Origin } from '../origin.ts'
import type { AcquireFailure, LendAnswer, LendingEvents } from '../port.ts'
import type { SharedEvents } from '../shared/shared-port.ts'

/** Remembers an async context, at a hundredth of the price of `AsyncLocalStorage.snapshot()`. */
const CONTEXT = ['POOLKEEPER_ACQUIRE', { requireManualDestroy: true }] as const

/**
 * A caller, as his port knows him: what it writes down of him extends this, and is itself the entry of a
 * `WaitingList` when he has to wait. Who is served in the turn in which he asked costs nothing beyond his object.
 */
export abstract class Waiting {
  readonly origin: Origin | undefined
  /** By the clock; time in which this process did not run is left out. `undefined`: he never had to wait. */
  since: number | undefined = undefined
  /**
   * Callers are numbered from 1 as they begin to wait; who has to go back into the line goes before all with a higher
   * number, and before those who have none yet.
   */
  number = 0
  /** The list's own. */
  isListed = false
  /** The list's own: who came before him, and after him. */
  before: Waiting | undefined = undefined
  behind: Waiting | undefined = undefined
  #context: AsyncResource | undefined = undefined

  constructor(origin: Origin | undefined) {
    this.origin = origin
  }

  waitedMillis(now: number): number {
    return this.since === undefined ? 0 : now - this.since
  }

  /** Called within his own call, of one who has to wait while `events.wantsContext`. */
  rememberContext(): void {
    this.#context = new AsyncResource(...CONTEXT)
  }

  /** `events.lend` for him, within what he asked in where that is remembered. */
  lend<C extends object>(events: Pick<LendingEvents<C>, 'lend'>, connection: C): LendAnswer | Promise<LendAnswer> {
    if (this.#context === undefined) return events.lend(connection)
    return lendWithin(this.#context, events, connection)
  }

  /** `events.acquired` for him, likewise. */
  acquired<C extends object>(events: Pick<LendingEvents<C>, 'acquired'>, connection: C): void {
    if (this.#context === undefined) events.acquired(connection, this.since, this.origin)
    else acquireWithin(this.#context, events, connection, this)
  }

  /** `events.acquired` of a shared pool for him, likewise. */
  sent(events: Pick<SharedEvents<object>, 'acquired'>, waitMillis: number): void {
    if (this.#context === undefined) events.acquired(waitMillis)
    else this.#context.runInAsyncScope(() => events.acquired(waitMillis))
  }

  /** `events.acquireFailed` for him, likewise. */
  failed(events: Pick<LendingEvents<object>, 'acquireFailed'>, error: unknown, waitMillis: number, outcome: AcquireFailure): void {
    if (this.#context === undefined) events.acquireFailed(error, waitMillis, outcome)
    else this.#context.runInAsyncScope(() => events.acquireFailed(error, waitMillis, outcome))
  }
}

// Functions of their own: where a closure may be made, V8 puts what it would need aside at every call.
function lendWithin<C extends object>(
  context: AsyncResource,
  events: Pick<LendingEvents<C>, 'lend'>,
  connection: C,
): LendAnswer | Promise<LendAnswer> {
  return context.runInAsyncScope(() => events.lend(connection))
}

function acquireWithin<C extends object>(
  context: AsyncResource,
  events: Pick<LendingEvents<C>, 'acquired'>,
  connection: C,
  { since, origin }: Waiting,
): void {
  context.runInAsyncScope(() => events.acquired(connection, since, origin))
}
