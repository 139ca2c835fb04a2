import type { AsyncResource } from 'node:async_hooks'
import { Waiters } from '../lending/waiters.ts'
import type { Origin } from '../origin.ts'
import type { Waiter } from '../port.ts'
import type { SimulatedConnection } from './simulated-server.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** Somebody who waits for a connection. */
export interface Caller {
  readonly context: AsyncResource | undefined
  readonly origin: Origin | undefined
  /** Forgets the signal by which he may leave. */
  readonly unlisten: () => void
  readonly resolve: (connection: SimulatedConnection) => void
  readonly reject: (error: unknown) => void
}

/** Who asks, and how he may leave without a connection. */
export interface Asking {
  readonly context: AsyncResource | undefined
  readonly origin: Origin | undefined
  readonly timeoutMillis: number
  onDeadline(caller: Caller, waiter: Waiter): void
  /** He leaves when it is aborted. */
  readonly signal?: AbortSignal | undefined
  onAbort(caller: Caller, reason: unknown): void
}

/** Those who wait, the oldest first; in the queue are those for whom nothing is being checked. */
export class SimulatedCallers {
  readonly waiters: Waiters<Caller>
  readonly #all = new Set<Caller>()
  readonly #queue: Caller[] = []

  constructor(clock: VirtualClock) {
    this.waiters = new Waiters(clock)
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
  add({ context, timeoutMillis, origin, onDeadline, signal, onAbort }: Asking): Promise<SimulatedConnection> {
    return new Promise((resolve, reject) => {
      const leave = (): void => onAbort(caller, signal?.reason)
      signal?.addEventListener('abort', leave, { once: true })
      const unlisten = (): void => signal?.removeEventListener('abort', leave)
      const caller: Caller = { context, origin, unlisten, resolve, reject }
      this.waiters.add(caller, origin, timeoutMillis, (waiter) => onDeadline(caller, waiter))
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

  /** He has his answer; returns since when he waited. */
  remove(caller: Caller): Waiter | undefined {
    caller.unlisten()
    this.#all.delete(caller)
    const index = this.#queue.indexOf(caller)
    if (index !== -1) this.#queue.splice(index, 1)
    return this.waiters.take(caller)
  }
}
