import type { Clock, Timer } from '../clock.ts'
import type { Origin } from '../origin.ts'
import type { Waiter } from '../port.ts'

/** One who waits, from `add` to `take`. */
export class Waiting implements Waiter {
  since: number
  dueAt: number
  readonly origin: Origin | undefined
  readonly onDeadline: (waiter: Waiter) => void
  isThere = true
  previous: Waiting | undefined
  next: Waiting | undefined

  constructor(since: number, dueAt: number, origin: Origin | undefined, onDeadline: (waiter: Waiter) => void) {
    this.since = since
    this.dueAt = dueAt
    this.origin = origin
    this.onDeadline = onDeadline
  }
}

/**
 * Those who wait for a connection, with their deadlines behind one timer: what a port keeps in
 * place of a timer for each caller.
 *
 * A linked list, whose entries forget their neighbours when they leave. A `Map` under such a coming and
 * going leaves one table after another behind, each of which keeps all that came after it from being
 * collected cheaply; under load that costs more than all the rest of a checkout.
 *
 * A deadline is believed only after everything was read that has already arrived: when this process
 * was blocked, the connection that a caller waits for may have come back long ago, unread.
 */
export class WaitingList {
  readonly #clock: Clock
  #first: Waiting | undefined
  #last: Waiting | undefined
  #count = 0
  #timer: Timer | undefined
  #timerAt = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#count
  }

  /** The oldest first. */
  all(): Waiting[] {
    const all: Waiting[] = []
    for (let one = this.#first; one !== undefined; one = one.next) all.push(one)
    return all
  }

  /** @param onDeadline - answers him; he stays in the list until `take` */
  add(origin: Origin | undefined, timeoutMillis: number, onDeadline: (waiter: Waiter) => void): Waiting {
    const since = this.#clock.now()
    const dueAt = since + timeoutMillis
    const waiting = new Waiting(since, dueAt, origin, onDeadline)
    waiting.previous = this.#last
    if (this.#last === undefined) this.#first = waiting
    else this.#last.next = waiting
    this.#last = waiting
    this.#count++
    if (dueAt < this.#timerAt) this.#schedule(dueAt, since)
    return waiting
  }

  /** He has his answer; `false` when he had it already. */
  take(waiting: Waiting): boolean {
    if (!waiting.isThere) return false
    const { next, previous } = waiting
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    waiting.isThere = false
    waiting.next = undefined
    waiting.previous = undefined
    this.#count--
    // Nobody waits: nothing keeps the process alive.
    if (this.#count === 0) this.#cancel()
    return true
  }

  /** This process did not run for a while: that is not held against those who wait. */
  postpone(millis: number): void {
    for (const waiting of this.all()) {
      waiting.since += millis
      waiting.dueAt += millis
    }
  }

  #cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Infinity
  }

  #schedule(dueAt: number, now: number): void {
    this.#timer?.cancel()
    this.#timerAt = dueAt
    this.#timer = this.#clock.after(Math.max(1, dueAt - now), () => this.#clock.afterInput(() => this.#look()), true)
  }

  #look(): void {
    this.#cancel()
    const now = this.#clock.now()
    for (const waiting of this.all()) {
      if (waiting.dueAt > now) continue
      waiting.dueAt = Infinity
      waiting.onDeadline(waiting)
    }
    const next = Math.min(...this.all().map(({ dueAt }) => dueAt))
    if (next !== Infinity) this.#schedule(next, now)
  }
}
