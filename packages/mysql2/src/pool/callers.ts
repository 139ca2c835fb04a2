import type { AsyncResource } from 'node:async_hooks'
import type { Clock, Origin, Timer } from '@poolkeeper/core'
import type { GetConnectionCallback, Mysql2Queue, PoolConnection } from './mysql2-pool.ts'

/** Who asks, where anybody wants to know: from where, and within what. */
export interface Asker {
  readonly origin: Origin | undefined
  readonly context: AsyncResource | undefined
}

/** A caller that has no connection yet. */
export interface Caller extends Asker {
  /** His place: callers are numbered as they come. */
  readonly number: number
  readonly callback: GetConnectionCallback
  /** Time in which this process did not run is left out. */
  since: number
  /** The connection on which a verdict is awaited for him. */
  asking: PoolConnection | undefined
  /** He was answered while a verdict was awaited. */
  isGone: boolean
}

/**
 * Those who wait, in mysql2's own queue, so that its length says what it said; and one timer for
 * the deadlines of all. The queue is their only book: who waits costs one object and a look at the
 * clock, and a timer that nobody needs any more is left to run out, for it keeps nothing alive.
 */
export class Callers {
  readonly #queue: Mysql2Queue<unknown>
  readonly #clock: Clock
  readonly #expire: (caller: Caller) => void
  /** Those for whom a verdict on a connection is awaited. */
  readonly #asking = new Map<PoolConnection, Caller>()
  #timeoutMillis = Infinity
  #last = 0
  #timer: Timer | undefined

  constructor(queue: Mysql2Queue<unknown>, clock: Clock, expire: (caller: Caller) => void) {
    this.#queue = queue
    this.#clock = clock
    this.#expire = expire
  }

  get queued(): number {
    return this.#queue.length
  }

  get count(): number {
    return this.#queue.length + this.#asking.size
  }

  /** The oldest first. */
  all(): Caller[] {
    const waiting = [...this.#asking.values(), ...(this.#queue.toArray() as Caller[])]
    return waiting.filter(({ isGone }) => !isGone).sort((one, other) => one.number - other.number)
  }

  add(callback: GetConnectionCallback, { origin, context }: Asker): Caller {
    const since = this.#clock.now()
    const caller: Caller = { number: ++this.#last, callback, since, origin, context, asking: undefined, isGone: false }
    if (this.#timer === undefined && this.#timeoutMillis !== Infinity) this.#watch(this.#timeoutMillis)
    return caller
  }

  enqueue(caller: Caller): void {
    this.#queue.push(caller)
  }

  /** The next to be served, off the queue. */
  next(): Caller {
    return this.#queue.shift() as Caller
  }

  /** Back to where he stood, because his connection was unfit. */
  requeue(caller: Caller): void {
    const before: Caller[] = []
    while ((this.#queue.get(0) as Caller | undefined ?? caller).number < caller.number) before.push(this.next())
    for (const earlier of [caller, ...before.reverse()]) this.#queue.unshift(earlier)
  }

  ask(caller: Caller, connection: PoolConnection): void {
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

  /** He leaves without a connection. */
  dismiss(caller: Caller): void {
    caller.isGone = true
    for (let index = 0; index < this.#queue.length; index++) {
      if (this.#queue.get(index) !== caller) continue
      this.#queue.removeOne(index)
      return
    }
  }

  /** `Infinity`: nobody has a deadline. */
  configure(timeoutMillis: number): void {
    this.#timeoutMillis = timeoutMillis
    this.#timer?.cancel()
    this.#timer = undefined
    this.#watchOldest()
  }

  /** This process did not run for a while: that is not held against those who wait. */
  postpone(millis: number): void {
    for (const caller of this.all()) caller.since += millis
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #watch(millis: number): void {
    this.#timer = this.#clock.after(Math.max(0, millis), () => this.#clock.afterInput(() => this.#look()))
  }

  #watchOldest(): void {
    const [oldest] = this.all()
    if (oldest !== undefined && this.#timeoutMillis !== Infinity) this.#watch(oldest.since + this.#timeoutMillis - this.#clock.now())
  }

  #look(): void {
    this.#timer = undefined
    const now = this.#clock.now()
    for (const caller of this.all()) {
      // Timers may fire a moment early by the clock.
      if (caller.since + this.#timeoutMillis > now + 1) break
      this.#expire(caller)
    }
    this.#watchOldest()
  }
}
