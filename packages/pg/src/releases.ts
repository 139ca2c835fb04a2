import type { Clock, LendingEvents, Overrides, PoolPolicy } from '@poolkeeper/core'
import type { Driver } from '@poolkeeper/drivers'
import { doubleReleaseError, tell, type IdleListener, type PgPool, type PoolClient, type Release } from './pg-pool.ts'
import type { Seat, Seats } from './seats.ts'

/** What giving back needs of its neighbours. */
export interface ReleaseNeighbours {
  close(client: PoolClient, hard: boolean): Promise<void>
  serve(): void
}

/** The way from a caller's hands back into the pool, or out of it. */
export class PgReleases {
  readonly #pool: PgPool
  readonly #driver: Driver<PoolClient>
  readonly #events: LendingEvents<PoolClient>
  readonly #seats: Seats
  readonly #clock: Clock
  readonly #neighbours: ReleaseNeighbours
  readonly #releaseHost: PgPool['_release']
  /** Frames of ours say nothing to whoever is told of a misuse. */
  readonly #above: PgPool['_release']
  #timeoutMillis = 0
  #isObserving = false

  constructor(
    pool: PgPool,
    overrides: Overrides<PgPool>,
    driver: Driver<PoolClient>,
    events: LendingEvents<PoolClient>,
    clock: Clock,
    seats: Seats,
    neighbours: ReleaseNeighbours,
  ) {
    this.#clock = clock
    this.#pool = pool
    this.#driver = driver
    this.#events = events
    this.#seats = seats
    this.#neighbours = neighbours
    this.#releaseHost = pool._release
    this.#above = (client, idleListener, error) => this.#release(client, idleListener, error)
    overrides.set('_release', this.#above)
    overrides.set('_releaseOnce', (client, idleListener) => this.#releaseOnce(client, idleListener))
  }

  configure({ acquireTimeoutMillis, mode }: PoolPolicy): void {
    this.#timeoutMillis = acquireTimeoutMillis
    this.#isObserving = mode === 'observe'
  }

  /** Into the list of idle ones, and on to who waits. */
  putIdle(seat: Seat): void {
    this.#seats.toIdle(seat)
    this.#neighbours.serve()
  }

  /** It died in its holder's hands, who may never give it back: its place is free now. */
  takeBack(seat: Seat): void {
    void this.#events.returned(seat.client, this.#above)
    void this.#neighbours.close(seat.client, true)
    this.#events.settled()
  }

  /** What its holders are done with is pg-pool's from here on. */
  detach(): void {
    for (const seat of this.#seats.all('lent')) {
      if (seat.leaving === undefined) continue
      seat.leaving.cancel()
      this.#pool._release(seat.client, seat.idleListener, seat.leaving.error)
    }
  }

  /** As pg-pool's own, but that a second call is told as well. */
  #releaseOnce(client: PoolClient, idleListener: IdleListener): Release {
    let isReleased = false
    const release = (error?: unknown): void => {
      if (isReleased) {
        // While the next caller has it, nothing can be told that would not be about him.
        if (this.#seats.get(client)?.place === 'idle') void this.#events.returned(client, release)
        throw doubleReleaseError()
      }
      isReleased = true
      this.#pool._release(client, idleListener, error)
    }
    return release
  }

  #release(client: PoolClient, idleListener: IdleListener, error: unknown): void {
    const seat = this.#seats.get(client)
    if (this.#isObserving && seat?.place === 'lent') {
      this.#observe(seat, idleListener, error)
      return
    }
    client._poolUseCount = (client._poolUseCount ?? 0) + 1
    // Closed under its holder, or dead in his hands.
    if (seat?.place !== 'lent') {
      if (!this.#seats.knows(client)) void this.#events.returned(client, this.#above)
      tell(this.#pool, 'release', error, client)
      return
    }
    seat.idleListener = idleListener
    if (error) this.#complaint(seat, error)
    if (this.#pool._expired.has(client)) seat.isUnwanted = true
    if (this.#driver.isBusy?.(client) === true && !seat.isUnwanted) this.#awaitQuiet(seat, error)
    else this.#giveBack(seat, error)
  }

  /** The server has answered: whoever waits for the end of a client's last statement looks again. */
  answered(seat: Seat): void {
    if (seat.leaving === undefined) return
    // The client itself hears of the answer after us.
    const { leave } = seat.leaving
    queueMicrotask(() => {
      if (this.#driver.isBusy?.(seat.client) !== true) leave()
    })
  }

  /** The policy only observes: what becomes of it is pg-pool's to say, unless the pool is being closed. */
  #observe(seat: Seat, idleListener: IdleListener, error: unknown): void {
    const verdict = this.#events.returned(seat.client, this.#above)
    seat.idleListener = idleListener
    seat.place = 'idle'
    this.#releaseHost.call(this.#pool, seat.client, idleListener, verdict === 'retire' ? (error ?? true) : error)
    this.#events.settled()
  }

  /**
   * Given back with a statement under way: whoever got it now would wait for the end of that. It is
   * its holder's until then; and not for ever, since a cursor that was left open has no end.
   */
  #awaitQuiet(seat: Seat, error: unknown): void {
    const leave = (): void => {
      timer.cancel()
      if (seat.leaving?.leave !== leave) return
      seat.leaving = undefined
      // Closed meanwhile, by a drain or by its own death.
      if (this.#seats.get(seat.client) === seat) this.#giveBack(seat, error)
    }
    const timer = this.#clock.after(this.#patienceMillis(seat), () => {
      seat.isUnwanted = true
      leave()
    })
    seat.leaving = { leave, error, cancel: () => timer.cancel() }
  }

  #giveBack(seat: Seat, error: unknown): void {
    const { client } = seat
    const verdict = this.#events.returned(client, this.#above)
    tell(this.#pool, 'release', error, client)
    if (seat.isUnwanted || verdict === 'retire') this.#retire(seat)
    else if (verdict === 'keep' || verdict === 'foreign') this.putIdle(seat)
    else void this.#keepWhenRestored(seat, verdict)
    this.#events.settled()
  }

  /** With a deadline of the user's own, nobody reads an answer that comes later than that. */
  #patienceMillis({ client }: Seat): number {
    const ownMillis = Number(client.connectionParameters?.query_timeout ?? 0)
    return ownMillis > 0 ? Math.min(ownMillis, this.#timeoutMillis) : this.#timeoutMillis
  }

  /**
   * Who gives a client back with an error wants it closed; but `pool.query()` does so with every
   * error of a statement, and an ordinary one costs no connection.
   */
  #complaint(seat: Seat, error: unknown): void {
    const harm = this.#driver.harmOf(error)
    seat.isUnwanted = !seat.isForQuery
    // What the server said was heard when it said so.
    const isNews = error !== seat.lastError && error instanceof Error
    if (isNews && (seat.isForQuery || harm !== 'statement')) this.#events.failed(seat.client, error, harm)
  }

  #retire(seat: Seat): void {
    void this.#neighbours.close(seat.client, false)
    this.#neighbours.serve()
  }

  /** Given back, and not free yet: nobody's until its session is clean. */
  async #keepWhenRestored(seat: Seat, verdict: Promise<'keep' | 'retire'>): Promise<void> {
    seat.place = 'withdrawn'
    const isKept = (await verdict) === 'keep'
    // Closed meanwhile, by a drain or by its own death.
    if (this.#seats.get(seat.client) !== seat || seat.place !== 'withdrawn') return
    if (isKept) this.putIdle(seat)
    else this.#retire(seat)
    this.#events.settled()
  }
}
