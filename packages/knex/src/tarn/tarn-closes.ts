import type { Clock, LendingEvents, Overrides } from '@poolkeeper/core'
import type { TarnHost } from './tarn-host.ts'
import { serveAll, type TarnPool } from './tarn-pool.ts'

/** A peer that does not answer a farewell by then is not there any more. */
const FAREWELL_MILLIS = 1_000

/** The way from an open connection to none, whoever decided it. */
export class TarnCloses<C extends object> {
  readonly #pool: TarnPool<C>
  readonly #tarn: TarnHost<C>
  readonly #events: LendingEvents<C>
  readonly #clock: Clock
  readonly #hostDestroyer: (connection: C) => unknown
  /** Connections in our books, with the undo of their watch. */
  readonly #open = new Map<C, () => void>()
  /** Off tarn's books, and not handed to its destroyer yet: tarn does that a moment later. */
  readonly #leaving = new Set<C>()
  readonly #closing = new Map<C, Promise<void>>()
  readonly #hard = new WeakSet<C>()

  constructor(
    pool: TarnPool<C>,
    overrides: Overrides<TarnPool<C>>,
    tarn: TarnHost<C>,
    events: LendingEvents<C>,
    clock: Clock,
  ) {
    this.#pool = pool
    this.#tarn = tarn
    this.#events = events
    this.#clock = clock
    this.#hostDestroyer = pool.destroyer
    overrides.set('destroyer', (connection) => this.#destroy(connection))
  }

  get count(): number {
    return this.#leaving.size + this.#closing.size
  }

  adopt(connection: C): void {
    this.#open.set(connection, this.#watch(connection))
  }

  /** A connection that cannot be watched is kept all the same. */
  #watch(connection: C): () => void {
    try {
      return this.#tarn.watch(connection, (error) => this.#events.died(connection, error))
    } catch {
      return () => {}
    }
  }

  async close(connection: C, hard: boolean): Promise<void> {
    if (hard) this.#hard.add(connection)
    if (this.#open.has(connection)) this.#leaving.add(connection)
    await this.#pool._destroy(connection)
  }

  /** One that failed before it was in anybody's books. */
  destroyUnready(connection: C): void {
    this.#hard.add(connection)
    void this.#pool.destroyer(connection)
  }

  detach(): void {
    for (const unwatch of this.#open.values()) unwatch()
    this.#open.clear()
  }

  #destroy(connection: C): unknown {
    const running = this.#closing.get(connection)
    this.#leaving.delete(connection)
    if (running !== undefined) return running
    // Never opened for us: an attempt that was given up and arrived late.
    if (!this.#open.delete(connection)) return this.#farewell(connection)
    // Its watch stays: a dying connection may still raise errors, and nobody else may be listening.
    if (this.#events.closing(connection)) this.#hard.add(connection)
    const closing = this.#farewell(connection).finally(() => {
      this.#closing.delete(connection)
      this.#tarn.forget(connection)
      this.#events.closed(connection)
      serveAll(this.#pool)
    })
    this.#closing.set(connection, closing)
    return closing
  }

  /** The host's own way of closing, within bounds; without asking the peer when it is known dead. */
  async #farewell(connection: C): Promise<void> {
    if (this.#hard.has(connection) || this.#tarn.isBroken(connection)) {
      this.#tarn.destroyHard(connection)
      // For the host's own bookkeeping; whatever it says of a dead socket is no news.
      Promise.resolve(this.#callHost(connection)).catch(() => {})
      return
    }
    await new Promise<void>((resolve, reject) => {
      const timer = this.#clock.after(FAREWELL_MILLIS, () => {
        this.#tarn.destroyHard(connection)
        resolve()
      })
      this.#callHost(connection)
        .then(() => this.#tarn.whenClosed(connection))
        .finally(() => timer.cancel())
        .then(resolve, reject)
    })
  }

  async #callHost(connection: C): Promise<void> {
    await this.#hostDestroyer.call(this.#pool, connection)
  }
}
