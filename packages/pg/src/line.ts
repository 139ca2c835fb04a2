import { AsyncResource } from 'node:async_hooks'
import { WaitingList, type Clock, type Origin, type PoolPolicy, type Waiter, type Waiting } from '@poolkeeper/core'
import type { ConnectCallback, PendingItem } from './pg-pool.ts'

/** Remembers an async context, at a hundredth of the price of `AsyncLocalStorage.snapshot()`. */
const CONTEXT = ['POOLKEEPER_ACQUIRE', { requireManualDestroy: true }] as const

/** A caller who could not be served in the turn in which he asked: he stands in pg-pool's queue for its own entry. */
export class Caller implements PendingItem {
  readonly callback: ConnectCallback
  readonly origin: Origin | undefined
  readonly context: AsyncResource | undefined
  /** He has had his answer from us. */
  timedOut = false
  /** The order in which callers left the queue, for those who have to go back into it. */
  place = 0
  waiting: Waiting | undefined
  readonly #entry: PendingItem

  constructor(entry: PendingItem, origin: Origin | undefined, context: AsyncResource | undefined) {
    this.callback = entry.callback
    this.#entry = entry
    this.origin = origin
    this.context = context
  }

  /** pg-pool's own timer, from before our time, may have answered him as well. */
  get isGone(): boolean {
    return this.timedOut || this.#entry.timedOut === true
  }
}

/**
 * Those who stand in pg-pool's queue.
 *
 * Who is served in the turn in which he asked has not waited: he is written down only when he is
 * still there after that, so that an ordinary checkout costs no entry, no clock and no timer.
 */
export class Line {
  readonly #queue: PendingItem[]
  readonly #waiters: WaitingList
  readonly #onDeadline: (caller: Caller, since: number) => void
  #timeoutMillis = 0

  constructor(queue: PendingItem[], clock: Clock, onDeadline: (caller: Caller, since: number) => void) {
    this.#queue = queue
    this.#waiters = new WaitingList(clock)
    this.#onDeadline = onDeadline
  }

  /** For those who come from now on. */
  configure({ acquireTimeoutMillis }: PoolPolicy): void {
    this.#timeoutMillis = acquireTimeoutMillis
  }

  waiters(): readonly Waiter[] {
    return this.#waiters.all()
  }

  postpone(millis: number): void {
    this.#waiters.postpone(millis)
  }

  /** Those who came last, and are not written down yet, have to wait, from now on by the clock. */
  write(): void {
    const queue = this.#queue
    let first = queue.length
    while (first > 0 && !(queue[first - 1] instanceof Caller)) first--
    for (; first < queue.length; first++) queue[first] = this.writeDown(queue[first] as PendingItem)
  }

  /** Writes down who asked last, with what is known of him alone now. */
  writeLast(origin: Origin | undefined, wantsContext: boolean): void {
    const last = this.#queue.length - 1
    const context = wantsContext ? new AsyncResource(...CONTEXT) : undefined
    this.#queue[last] = this.writeDown(this.#queue[last] as PendingItem, origin, context)
  }

  writeDown(entry: PendingItem, origin?: Origin, context?: AsyncResource): Caller {
    if (entry instanceof Caller) return entry
    const caller = new Caller(entry, origin, context)
    caller.waiting = this.#waiters.add(origin, this.#timeoutMillis, ({ since }) => this.#onDeadline(caller, since))
    return caller
  }

  /** He has his answer; `undefined` when he never had to wait. */
  strike(entry: PendingItem): number | undefined {
    if (!(entry instanceof Caller) || entry.waiting === undefined) return undefined
    this.#waiters.take(entry.waiting)
    return entry.waiting.since
  }
}
