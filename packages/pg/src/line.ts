import { Waiting, WaitingList, type Clock, type Origin, type PoolPolicy, type Waiter } from '@poolkeeper/core'
import type { ConnectCallback, PendingItem } from './pg-pool.ts'

/** A caller who could not be served in the turn in which he asked: he stands in pg-pool's queue for its own entry. */
export class Caller extends Waiting implements PendingItem {
  readonly callback: ConnectCallback
  /** He has had his answer from us. */
  timedOut = false
  readonly #entry: PendingItem

  constructor(entry: PendingItem, origin: Origin | undefined) {
    super(origin)
    this.callback = entry.callback
    this.#entry = entry
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
  readonly #waiting: WaitingList<Caller>

  constructor(queue: PendingItem[], clock: Clock, onDeadline: (caller: Caller) => void) {
    this.#queue = queue
    this.#waiting = new WaitingList(clock, onDeadline)
  }

  configure({ acquireTimeoutMillis }: PoolPolicy): void {
    this.#waiting.configure(acquireTimeoutMillis)
  }

  waiters(): readonly Waiter[] {
    return this.#waiting.all()
  }

  postpone(millis: number): void {
    this.#waiting.postpone(millis)
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
    const caller = this.writeDown(this.#queue[last] as PendingItem, origin)
    if (wantsContext) caller.rememberContext()
    this.#queue[last] = caller
  }

  writeDown(entry: PendingItem, origin?: Origin): Caller {
    if (entry instanceof Caller) return entry
    const caller = new Caller(entry, origin)
    this.#waiting.add(caller)
    return caller
  }

  /** He has his answer. */
  strike(caller: Caller): void {
    this.#waiting.take(caller)
  }
}
