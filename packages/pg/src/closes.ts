import type { Clock, LendingEvents } from '@poolkeeper/core'
import type { Driver } from '@poolkeeper/drivers'
import { removeFrom, strikeOff, tell, type PgPool, type PoolClient } from './pg-pool.ts'
import type { Seats } from './seats.ts'

/** A peer that does not answer a farewell by then is not there any more. */
const FAREWELL_MILLIS = 1_000

/** The way from a connected client to none, whoever decided it. */
export class PgCloses {
  readonly #pool: PgPool
  readonly #driver: Driver<PoolClient>
  readonly #events: LendingEvents<PoolClient>
  readonly #clock: Clock
  readonly #seats: Seats
  readonly #serve: () => void
  readonly #closing = new Map<PoolClient, Promise<void>>()

  constructor(
    pool: PgPool,
    driver: Driver<PoolClient>,
    events: LendingEvents<PoolClient>,
    clock: Clock,
    seats: Seats,
    serve: () => void,
  ) {
    this.#pool = pool
    this.#driver = driver
    this.#events = events
    this.#clock = clock
    this.#seats = seats
    this.#serve = serve
  }

  /** Sockets still, though pg-pool does not count them any more. */
  get count(): number {
    return this.#closing.size
  }

  close(client: PoolClient, hard: boolean): Promise<void> {
    const running = this.#closing.get(client)
    if (running !== undefined) return running
    if (this.#seats.get(client) === undefined) return Promise.resolve()
    const pool = this.#pool
    clearTimeout(removeFrom(pool._idle, (item) => item.client === client)?.timeoutId)
    strikeOff(pool, client)
    this.#seats.forget(client)
    const isHard = this.#events.closing(client) || hard || this.#driver.isBroken(client)
    const closing = this.#farewell(client, isHard).then(() => {
      this.#closing.delete(client)
      this.#events.closed(client)
      tell(pool, 'remove', client)
      this.#serve()
    })
    this.#closing.set(client, closing)
    return closing
  }

  /** The client's own way of ending, within bounds; without asking the peer when it is known dead. */
  #farewell(client: PoolClient, hard: boolean): Promise<void> {
    if (hard) {
      this.#driver.destroy(client)
      // For the client's own bookkeeping; whatever it says of a dead socket is no news.
      client.end(() => {})
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const timer = this.#clock.after(FAREWELL_MILLIS, () => {
        this.#driver.destroy(client)
        resolve()
      })
      client.end(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}
