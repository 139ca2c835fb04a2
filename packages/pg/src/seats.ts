import type { Driver } from '@poolkeeper/drivers'
import { giveToHost, takeFromHost, type IdleItem, type IdleListener, type PgPool, type PoolClient } from './pg-pool.ts'
import { followStatements } from './statements.ts'

/**
 * Where a client is: in pg-pool's list of idle ones; before a caller that waits for the verdict on
 * it; in somebody's hands; out of the list by the keeper's wish.
 */
export type Place = 'idle' | 'asked' | 'lent' | 'withdrawn'

/** One client, from its first day to its last: what pg-pool keeps in its list of idle ones. */
export interface Seat extends IdleItem {
  idleListener: IdleListener
  place: Place
  /** Lent to `pool.query()`, which gives it back with the error of any statement. */
  isForQuery: boolean
  /** Given back with an error by its holder: it is to be closed. */
  isUnwanted: boolean
  /** Given back with a statement under way; still its holder's until that has ended. */
  leaving: { leave(): void; cancel(): void; readonly error: unknown } | undefined
  /** Does not keep the process alive. */
  isUnrefed: boolean
  /** The last error that was told of already. */
  lastError: unknown
  /** Stops hearing its statements. */
  unfollow: (() => void) | undefined
}

/** What is told of a client by its own events. */
export interface SeatEvents {
  answered(seat: Seat): void
  failed(seat: Seat, error: unknown): void
  died(seat: Seat, error: unknown): void
  asked(seat: Seat, text: string): void
}

/** The clients that a keeper knows. */
export class Seats {
  readonly #pool: PgPool
  readonly #driver: Driver<PoolClient>
  readonly #idle: IdleItem[]
  readonly #seats = new Map<PoolClient, Seat>()
  readonly #known = new WeakSet<PoolClient>()
  readonly #undos = new Map<PoolClient, () => void>()
  readonly #events: SeatEvents
  #isFollowing = false

  constructor(pool: PgPool, driver: Driver<PoolClient>, events: SeatEvents) {
    this.#pool = pool
    this.#driver = driver
    this.#events = events
    this.#idle = pool._idle
  }

  get(client: PoolClient | undefined): Seat | undefined {
    return client === undefined ? undefined : this.#seats.get(client)
  }

  /** Whether it is one of this pool's, or was. */
  knows(client: PoolClient): boolean {
    return this.#known.has(client)
  }

  /** What stands in pg-pool's list is ours, unless pg-pool has put it there itself. */
  of(item: IdleItem): Seat {
    if ('place' in item) return item as Seat
    const seat = this.#seats.get(item.client)
    if (seat === undefined) throw new Error('an idle client that nobody knows')
    takeFromHost(item)
    seat.isUnrefed = this.#pool.options.allowExitOnIdle === true
    return seat
  }

  all(place: Place): Seat[] {
    return [...this.#seats.values()].filter((seat) => seat.place === place)
  }

  count(place: Place): number {
    let count = 0
    for (const seat of this.#seats.values()) if (seat.place === place) count++
    return count
  }

  /**
   * Listens to a client from now on, whoever has it: pg-pool does so only while it is idle, and an
   * error without a listener would end the process.
   */
  adopt(item: IdleItem, place: Place): Seat {
    takeFromHost(item)
    const { client, idleListener } = item
    const seat: Seat = {
      client,
      idleListener,
      timeoutId: undefined,
      place,
      isForQuery: false,
      isUnwanted: false,
      leaving: undefined,
      isUnrefed: false,
      lastError: undefined,
      unfollow: undefined,
    }
    const events = this.#events
    const unwatch = this.#driver.watch(client, (error) => events.died(seat, error))
    const unlisten = this.#driver.listen?.(client, {
      answered: () => events.answered(seat),
      failed: (error) => events.failed(seat, error),
    })
    this.#seats.set(client, seat)
    this.#known.add(client)
    this.#undos.set(client, () => {
      unwatch()
      unlisten?.()
      seat.unfollow?.()
    })
    if (this.#isFollowing) this.#followOne(seat)
    return seat
  }

  /** Whether the statements of all clients are to be told, from now on. */
  follow(isWanted: boolean): void {
    if (isWanted === this.#isFollowing) return
    this.#isFollowing = isWanted
    for (const seat of this.#seats.values()) {
      if (isWanted) this.#followOne(seat)
      else seat.unfollow?.()
    }
  }

  #followOne(seat: Seat): void {
    seat.unfollow = followStatements(seat.client, (text) => this.#events.asked(seat, text))
  }

  /** Into pg-pool's list; it holds the process from there as it does in pg-pool. */
  toIdle(seat: Seat): void {
    seat.place = 'idle'
    if (this.#pool.options.allowExitOnIdle === true) {
      seat.isUnrefed = true
      seat.client.unref?.()
    }
    this.#idle.push(seat)
  }

  /** Its listeners stay: a dying client may still raise errors, and nobody else may be listening. */
  forget(client: PoolClient): void {
    this.#seats.delete(client)
    this.#undos.delete(client)
  }

  /** What is idle is pg-pool's to listen to, and to close when it has been idle for long enough. */
  idleToHost(): void {
    for (const [index, item] of this.#idle.entries()) {
      if ('place' in item) this.#idle[index] = giveToHost(this.#pool, item)
    }
  }

  /** And the keeper's again. */
  idleFromHost(): void {
    for (const [index, item] of this.#idle.entries()) this.#idle[index] = this.of(item)
  }

  /** pg-pool listens again itself, to what is given back from now on. */
  release(): void {
    for (const undo of this.#undos.values()) undo()
    this.idleToHost()
    this.#seats.clear()
    this.#undos.clear()
  }
}
