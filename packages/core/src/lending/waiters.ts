import type { Clock } from '../clock.ts'
import type { Origin } from '../origin.ts'
import type { Waiter } from '../port.ts'
import { WaitingList, type Waiting } from './waiting-list.ts'

/** A waiting list whose entries are found by a key, for ports that cannot keep them. */
export class Waiters<K> {
  readonly #list: WaitingList
  readonly #entries = new Map<K, Waiting>()

  constructor(clock: Clock) {
    this.#list = new WaitingList(clock)
  }

  get count(): number {
    return this.#list.count
  }

  /** The oldest first. */
  all(): readonly Waiter[] {
    return this.#list.all()
  }

  /** @param onDeadline - answers him; he stays in the books until `take` */
  add(key: K, origin: Origin | undefined, timeoutMillis: number, onDeadline: (waiter: Waiter) => void): void {
    this.#entries.set(key, this.#list.add(origin, timeoutMillis, onDeadline))
  }

  /** He has his answer; `undefined` when he never had to wait. */
  take(key: K): Waiter | undefined {
    if (this.#entries.size === 0) return undefined
    const waiting = this.#entries.get(key)
    if (waiting === undefined) return undefined
    this.#entries.delete(key)
    this.#list.take(waiting)
    return waiting
  }

  /** This process did not run for a while: that is not held against those who wait. */
  postpone(millis: number): void {
    this.#list.postpone(millis)
  }
}
