import { Waiting } from '../lending/waiting.ts'
import { WaitingList } from '../lending/waiting-list.ts'
import type { Origin } from '../origin.ts'
import type { SimulatedConnection } from './simulated-server.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** Somebody who asks for a connection. */
export class Caller extends Waiting {
  readonly promise: Promise<SimulatedConnection>
  resolve!: (connection: SimulatedConnection) => void
  reject!: (error: unknown) => void
  /** Forgets the signal by which he may leave. */
  unlisten: () => void = () => {}
  /** He has his answer. */
  isGone = false

  constructor(origin: Origin | undefined) {
    super(origin)
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** He leaves when it is aborted. */
  heed(signal: AbortSignal, leave: () => void): void {
    signal.addEventListener('abort', leave, { once: true })
    this.unlisten = () => signal.removeEventListener('abort', leave)
  }
}

/** Those who wait, the oldest first; in the queue are those for whom nothing is being checked. */
export class SimulatedCallers {
  readonly list: WaitingList<Caller>
  readonly #queue: Caller[] = []

  constructor(clock: VirtualClock, onDeadline: (caller: Caller) => void) {
    this.list = new WaitingList(clock, onDeadline)
  }

  get queued(): number {
    return this.#queue.length
  }

  /** Lines up. */
  add(caller: Caller): void {
    this.list.add(caller)
    this.#queue.push(caller)
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
    caller.unlisten()
    caller.isGone = true
    const index = this.#queue.indexOf(caller)
    if (index !== -1) this.#queue.splice(index, 1)
    this.list.take(caller)
  }
}
