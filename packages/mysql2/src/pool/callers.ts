import { Waiting, WaitingList, type Clock, type Origin, type Waiter } from '@poolkeeper/core'
import type { GetConnectionCallback, Mysql2Queue, PoolConnection } from './mysql2-pool.ts'

/** A caller that has no connection yet. */
export class Caller extends Waiting {
  readonly callback: GetConnectionCallback
  /** The connection on which a verdict is awaited for him. */
  asking: PoolConnection | undefined
  /** He was answered while a verdict was awaited. */
  isGone = false

  constructor(callback: GetConnectionCallback, origin: Origin | undefined) {
    super(origin)
    this.callback = callback
  }
}

/** Those who wait: in mysql2's own queue, so that its length says what it said, or for a verdict on a connection. */
export class Callers {
  readonly #queue: Mysql2Queue<unknown>
  readonly #waiting: WaitingList<Caller>
  /** Those for whom a verdict on a connection is awaited. */
  readonly #asking = new Map<PoolConnection, Caller>()

  constructor(queue: Mysql2Queue<unknown>, clock: Clock, onDeadline: (caller: Caller) => void) {
    this.#queue = queue
    this.#waiting = new WaitingList(clock, onDeadline)
  }

  get queued(): number {
    return this.#queue.length
  }

  get count(): number {
    return this.#waiting.count
  }

  /** The oldest first. */
  all(): readonly (Caller & Waiter)[] {
    return this.#waiting.all()
  }

  /** He waits from now on, in the queue. */
  enqueue(caller: Caller): void {
    this.#waiting.add(caller)
    this.#queue.push(caller)
  }

  /** The next to be served, off the queue. */
  next(): Caller {
    return this.#queue.shift() as Caller
  }

  /** The one who is served next. */
  oldest(): Caller | undefined {
    return this.#queue.get(0) as Caller | undefined
  }

  /** Back to where he stood, because his connection was unfit. */
  requeue(caller: Caller): void {
    const before: Caller[] = []
    while ((this.oldest() ?? caller).number < caller.number) before.push(this.next())
    for (const earlier of [caller, ...before.reverse()]) this.#queue.unshift(earlier)
  }

  ask(caller: Caller, connection: PoolConnection): void {
    // Who came when something was free begins to wait only now.
    if (!caller.isListed && !caller.isGone) this.#waiting.add(caller)
    caller.asking = connection
    this.#asking.set(connection, caller)
  }

  isAsking(connection: PoolConnection): boolean {
    return this.#asking.has(connection)
  }

  /** The one who waits for the verdict on `silent` waits for `proven` from now on. */
  exchange(silent: PoolConnection, proven: PoolConnection): void {
    const caller = this.#asking.get(silent)
    if (caller === undefined) return
    this.#asking.delete(silent)
    this.ask(caller, proven)
  }

  /** The verdict is there; returns the connection that it is about in the end. */
  answered(caller: Caller): PoolConnection | undefined {
    const connection = caller.asking
    if (connection === undefined) return undefined
    caller.asking = undefined
    this.#asking.delete(connection)
    return connection
  }

  /** He has his connection. */
  served(caller: Caller): void {
    this.#waiting.take(caller)
  }

  /** He leaves without a connection. */
  dismiss(caller: Caller): void {
    caller.isGone = true
    this.#waiting.take(caller)
    for (let index = 0; index < this.#queue.length; index++) {
      if (this.#queue.get(index) !== caller) continue
      this.#queue.removeOne(index)
      return
    }
  }

  /** `Infinity`: nobody has a deadline. */
  configure(timeoutMillis: number): void {
    this.#waiting.configure(timeoutMillis)
  }

  /** This process did not run for a while: that is not held against those who wait. */
  postpone(millis: number): void {
    this.#waiting.postpone(millis)
  }
}
