import type { Clock, Timer } from '../clock.ts'
import type { Waiter } from '../port.ts'
import type { Waiting } from './waiting.ts'

/**
 * Those who wait for a connection, and their deadlines: what a port keeps in place of a timer for each caller.
 *
 * They come in order and wait for equally long, so that only the first of them is ever looked at, and one timer is
 * enough. The entries are the port's own objects, linked to their neighbours, and forget these when they leave: a
 * `Map` under such a coming and going leaves one table after another behind, each of which keeps all that came after
 * it from being collected cheaply, and under load that costs more than all the rest of a checkout.
 *
 * A deadline is believed only after everything was read that has already arrived: when this process was blocked, the
 * connection that a caller waits for may have come back long ago, unread.
 */
export class WaitingList<W extends Waiting> {
  readonly #clock: Clock
  readonly #onDeadline: (waiting: W & Waiter) => void
  #timeoutMillis = Infinity
  #first: Waiting | undefined
  #last: Waiting | undefined
  #count = 0
  #lastNumber = 0
  #timer: Timer | undefined

  /** @param onDeadline - answers one whose deadline has passed; he is in the list until that returns */
  constructor(clock: Clock, onDeadline: (waiting: W & Waiter) => void) {
    this.#clock = clock
    this.#onDeadline = onDeadline
  }

  get count(): number {
    return this.#count
  }

  /** The oldest. */
  get first(): (W & Waiter) | undefined {
    return this.#first as (W & Waiter) | undefined
  }

  /** The oldest first. */
  all(): (W & Waiter)[] {
    const all: Waiting[] = []
    for (let one = this.#first; one !== undefined; one = one.behind) all.push(one)
    return all as (W & Waiter)[]
  }

  /** How long everybody waits at most, also who does so already; `Infinity`: without a deadline. */
  configure(timeoutMillis: number): void {
    if (timeoutMillis === this.#timeoutMillis) return
    this.#timeoutMillis = timeoutMillis
    this.#cancel()
    this.#watch(this.#clock.now())
  }

  /** He has to wait, from now on. */
  add(waiting: W): void {
    const now = this.#clock.now()
    waiting.since = now
    waiting.number = ++this.#lastNumber
    waiting.isListed = true
    waiting.before = this.#last
    if (this.#last === undefined) this.#first = waiting
    else this.#last.behind = waiting
    this.#last = waiting
    this.#count++
    this.#watch(now)
  }

  /** He has his answer; `false` when he was not in the list. */
  take(waiting: W): boolean {
    if (!waiting.isListed) return false
    this.#unlink(waiting)
    return true
  }

  /** This process did not run for a while: that is not held against those who wait. */
  postpone(millis: number): void {
    for (const waiting of this.all()) waiting.since += millis
  }

  #unlink(waiting: Waiting): void {
    const { before, behind } = waiting
    if (before === undefined) this.#first = behind
    else before.behind = behind
    if (behind === undefined) this.#last = before
    else behind.before = before
    waiting.isListed = false
    waiting.before = undefined
    waiting.behind = undefined
    this.#count--
    // Nobody waits: nothing keeps the process alive.
    if (this.#count === 0) this.#cancel()
  }

  /** The timer is that of whoever was the first when it was set: it may be early for the one who is now, never late. */
  #watch(now: number): void {
    if (this.#timer !== undefined || this.#first === undefined || this.#timeoutMillis === Infinity) return
    const millis = Math.max(1, this.#dueAt(this.#first) - now)
    this.#timer = this.#clock.after(millis, () => this.#clock.afterInput(() => this.#look()), true)
  }

  #cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #look(): void {
    this.#cancel()
    const now = this.#clock.now()
    try {
      for (let first = this.first; first !== undefined && this.#dueAt(first) <= now; first = this.first) this.#expire(first)
    } finally {
      this.#watch(now)
    }
  }

  /** Once, also for one whose answer takes its time. */
  #expire(waiting: W & Waiter): void {
    try {
      this.#onDeadline(waiting)
    } finally {
      this.take(waiting)
    }
  }

  #dueAt({ since = Infinity }: Waiting): number {
    return since + this.#timeoutMillis
  }
}
