import type { Timer } from '../clock.ts'
import type { Origin } from '../origin.ts'
import type { SimulatedConnection } from './simulated-server.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** Somebody who waits for a connection. */
export interface Caller {
  readonly since: number
  readonly origin: Origin | undefined
  readonly deadline: Timer
  readonly resolve: (connection: SimulatedConnection) => void
  readonly reject: (error: unknown) => void
}

/** Those who wait, the oldest first; in the queue are those for whom nothing is being checked. */
export class SimulatedCallers {
  readonly #clock: VirtualClock
  readonly #all = new Set<Caller>()
  readonly #queue: Caller[] = []

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  get all(): readonly Caller[] {
    return [...this.#all]
  }

  get count(): number {
    return this.#all.size
  }

  get queued(): number {
    return this.#queue.length
  }

  /** Lines up, and resolves with what he is given. */
  add(timeoutMillis: number, origin: Origin | undefined, onDeadline: (caller: Caller) => void): Promise<SimulatedConnection> {
    return new Promise((resolve, reject) => {
      const deadline = this.#clock.after(timeoutMillis, () => onDeadline(caller))
      const caller: Caller = { since: this.#clock.now(), origin, deadline, resolve, reject }
      this.#all.add(caller)
      this.#queue.push(caller)
    })
  }

  waits(caller: Caller): boolean {
    return this.#all.has(caller)
  }

  /** The one whose turn it is; he leaves the queue, and still waits. */
  next(): Caller | undefined {
    return this.#queue.shift()
  }

  /** It is his turn again, before all others. */
  backToFront(caller: Caller): void {
    this.#queue.unshift(caller)
  }

  oldest(): Caller | undefined {
    return this.#queue[0]
  }

  /** He has his answer. */
  remove(caller: Caller): void {
    caller.deadline.cancel()
    this.#all.delete(caller)
    const index = this.#queue.indexOf(caller)
    if (index !== -1) this.#queue.splice(index, 1)
  }
}
