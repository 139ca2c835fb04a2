import type { Clock, LendingEvents, Timer } from '@poolkeeper/core'
import { destroyThroughHost, destroyTimeoutError, type GenericPool, type Resource } from './generic-pool.ts'
import type { KnownResource } from './resource-driver.ts'
import type { Seat, Seats } from './seats.ts'

/** A peer that does not answer a farewell by then is not there any more. */
const FAREWELL_MILLIS = 1_000

/** The way from a resource to none, whoever decided it. */
export class Closes {
  readonly #pool: GenericPool
  readonly #known: KnownResource
  readonly #events: LendingEvents<Resource>
  readonly #clock: Clock
  readonly #seats: Seats
  readonly #serve: () => void
  readonly #destroyHost: GenericPool['_destroy']
  readonly #closing = new Map<Resource, Promise<void>>()

  constructor(
    pool: GenericPool,
    known: KnownResource,
    events: LendingEvents<Resource>,
    clock: Clock,
    seats: Seats,
    serve: () => void,
  ) {
    this.#pool = pool
    this.#known = known
    this.#events = events
    this.#clock = clock
    this.#seats = seats
    this.#serve = serve
    this.#destroyHost = pool._destroy
  }

  /** They are there still, though generic-pool does not count them any more. */
  get count(): number {
    return this.#closing.size
  }

  /** Resolves when all that is being closed now is closed, or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing.values())
  }

  close(resource: Resource, hard: boolean): Promise<void> {
    const running = this.#closing.get(resource)
    const seat = this.#seats.get(resource)
    if (running !== undefined || seat === undefined) return running ?? Promise.resolve()
    this.#seats.forget(seat)
    const isHard = this.#events.closing(resource) || hard || this.#known.isBroken(resource)
    const closing = this.#destroy(seat, isHard).then(() => {
      this.#closing.delete(resource)
      this.#events.closed(resource)
      this.#serve()
    })
    this.#closing.set(resource, closing)
    return closing
  }

  #destroy({ data, resource }: Seat, isHard: boolean): Promise<void> {
    const farewell = this.farewell(resource, isHard)
    // It tells of a failure as it always did, as an event of the pool.
    destroyThroughHost(this.#pool, this.#destroyHost, data, farewell)
    return farewell.catch(() => {})
  }

  /**
   * The user's own way of ending it, within bounds; without waiting for the peer when it is known dead.
   * Rejects with what the factory says.
   */
  async farewell(resource: Resource, isHard: boolean): Promise<void> {
    const isOver = isHard && this.#known.canDestroy
    if (isOver) this.#known.destroy(resource)
    const goodbye = this.#callFactory(resource)
    // For the factory's own bookkeeping; whatever it says of what is dead is no news.
    if (isOver) goodbye.catch(() => {})
    else await this.#inTime(resource, goodbye)
  }

  async #inTime(resource: Resource, goodbye: Promise<void>): Promise<void> {
    const { destroyTimeoutMillis } = this.#pool._config
    let timer: Timer | undefined
    const patience = new Promise<void>((resolve, reject) => {
      timer = this.#clock.after(destroyTimeoutMillis ?? FAREWELL_MILLIS, () => {
        this.#known.destroy(resource)
        // Whoever asked generic-pool for a deadline is told when it has passed.
        if (destroyTimeoutMillis === undefined) resolve()
        else reject(destroyTimeoutError())
      })
    })
    goodbye.catch(() => this.#known.destroy(resource))
    await Promise.race([goodbye, patience]).finally(() => timer?.cancel())
  }

  /** A factory may throw where it should reject. */
  async #callFactory(resource: Resource): Promise<void> {
    await this.#pool._factory.destroy(resource)
    await this.#known.whenClosed?.(resource)
  }
}
