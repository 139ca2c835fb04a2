import { Waiting, type Origin } from '@poolkeeper/core'
import type { TarnOperation } from './tarn-pool.ts'

/** Told first, within the call that settles an acquire: the pool's books are right when its caller goes on. */
export interface AcquireOutcome<C> {
  served(acquire: KeptAcquire<C>, connection: C): void
  failed(acquire: KeptAcquire<C>, error: unknown): void
}

/**
 * One acquire, as tarn's lists hold it. tarn's own has a timer and four promises, to end each by
 * itself; here all deadlines are kept behind one timer, and one promise is enough.
 */
export class KeptAcquire<C> extends Waiting implements TarnOperation<C> {
  /** tarn's number of the acquire, in its events. */
  readonly id: number
  readonly promise: Promise<C>
  possibleTimeoutCause: unknown = null
  isRejected = false
  isSettled = false
  readonly #outcome: AcquireOutcome<C>
  #resolve!: (connection: C) => void
  #reject!: (error: unknown) => void

  constructor(id: number, origin: Origin | undefined, outcome: AcquireOutcome<C>) {
    super(origin)
    this.id = id
    this.#outcome = outcome
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  resolve(connection: C): void {
    if (this.isSettled) return
    this.isSettled = true
    this.#outcome.served(this, connection)
    this.#resolve(connection)
  }

  reject(error: unknown): void {
    if (this.isSettled) return
    this.isSettled = true
    this.isRejected = true
    this.#outcome.failed(this, error)
    this.#reject(error)
  }

  /** tarn aborts all that wait while it walks over their list, which a rejection shortens. */
  abort(): void {
    queueMicrotask(() => this.reject(new Error('aborted')))
  }
}

/** An acquire that fails before it began. */
export function refused<C>(error: Error): TarnOperation<C> {
  return {
    promise: Promise.reject(error),
    isRejected: true,
    possibleTimeoutCause: null,
    abort: () => {},
    resolve: () => {},
    reject: () => {},
  }
}
