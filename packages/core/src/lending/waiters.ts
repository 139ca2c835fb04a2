import type { Clock, Timer } from '../clock.ts'
import type { Origin } from '../origin.ts'
import type { Waiter } from '../port.ts'

interface Entry extends Waiter {
  since: number
  dueAt: number
  readonly onDeadline: (waiter: Waiter) => void
}

/**
 * Those who wait for a connection, with their deadlines behind one timer: what a port keeps in
 * place of a timer for each caller.
 *
 * A deadline is believed only after everything was read that has already arrived: when this process
 * was blocked, the connection that a caller waits for may have come back long ago, unread.
 */
export class Waiters<K> {
  readonly #clock: Clock
  readonly #entries = new Map<K, Entry>()
  #timer: Timer | undefined
  #timerAt = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#entries.size
  }

  /** The oldest first. */
  all(): readonly Waiter[] {
    return [...this.#entries.values()]
  }

  /** @param onDeadline - answers him; he stays in the books until `take` */
  add(key: K, origin: Origin | undefined, timeoutMillis: number, onDeadline: (waiter: Waiter) => void): void {
    const since = this.#clock.now()
    const dueAt = since + timeoutMillis
    this.#entries.set(key, { since, origin, dueAt, onDeadline })
    if (dueAt < this.#timerAt) this.#schedule(dueAt, since)
  }

  /** He has his answer; `undefined` when he never had to wait. */
  take(key: K): Waiter | undefined {
    if (this.#entries.size === 0) return undefined
    const entry = this.#entries.get(key)
    this.#entries.delete(key)
    // Nobody waits: nothing keeps the process alive.
    if (this.#entries.size === 0) this.#cancel()
    return entry
  }

  /** This process did not run for a while: that is not held against those who wait. */
  postpone(millis: number): void {
    for (const entry of this.#entries.values()) {
      entry.since += millis
      entry.dueAt += millis
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
    for (const entry of [...this.#entries.values()]) {
      if (entry.dueAt > now) continue
      entry.dueAt = Infinity
      entry.onDeadline(entry)
    }
    const next = Math.min(...[...this.#entries.values()].map(({ dueAt }) => dueAt))
    if (next !== Infinity) this.#schedule(next, now)
  }
}
