import type { Clock, FrameOwner, LendingEvents, Overrides, PoolPolicy } from '@poolkeeper/core'
import { foreignReleaseError, isResource, type GenericPool, type Resource } from './generic-pool.ts'
import type { KnownResource } from './resource-driver.ts'
import type { Seat, Seats } from './seats.ts'

/** What giving back needs of its neighbours. */
export interface ReleaseNeighbours {
  close(resource: Resource, hard: boolean): Promise<void>
  serve(): void
}

/** The way from a caller's hands back into the pool, or out of it. */
export class Releases {
  readonly #pool: GenericPool
  readonly #known: KnownResource
  readonly #events: LendingEvents<Resource>
  readonly #clock: Clock
  readonly #seats: Seats
  readonly #neighbours: ReleaseNeighbours
  readonly #done: Promise<void>
  /** Frames of ours say nothing to whoever is told of a misuse. */
  readonly #above: FrameOwner
  #patienceMillis = 0
  #testsOnReturn = false

  constructor(
    pool: GenericPool,
    overrides: Overrides<GenericPool>,
    known: KnownResource,
    events: LendingEvents<Resource>,
    clock: Clock,
    seats: Seats,
    neighbours: ReleaseNeighbours,
  ) {
    this.#pool = pool
    this.#known = known
    this.#events = events
    this.#clock = clock
    this.#seats = seats
    this.#neighbours = neighbours
    this.#done = pool._Promise.resolve()
    const release = (resource: Resource): Promise<void> => this.#release(resource, false, release)
    this.#above = release
    overrides.set('release', release)
    const destroy = (resource: Resource): Promise<void> => this.#release(resource, true, destroy)
    overrides.set('destroy', destroy)
  }

  configure({ acquireTimeoutMillis, mode }: PoolPolicy): void {
    this.#patienceMillis = acquireTimeoutMillis
    this.#testsOnReturn = mode === 'enforce' && this.#pool._config.testOnReturn && this.#known.canValidate
  }

  /** Into the list of available ones, and on to who waits. */
  putIdle(seat: Seat): void {
    this.#seats.toIdle(seat)
    this.#neighbours.serve()
  }

  /** Work has ended on it: whoever waits for the end of its last looks again. */
  answered({ leaving, resource }: Seat): void {
    if (leaving === undefined) return
    // The resource itself hears of the answer after us.
    queueMicrotask(() => {
      if (this.#known.isBusy?.(resource) !== true) leaving.leave()
    })
  }

  #release(resource: Resource, isUnwanted: boolean, above: FrameOwner): Promise<void> {
    const loan = this.#pool._resourceLoans.get(resource)
    const seat = this.#seats.get(resource)
    if (loan === undefined || seat === undefined || seat.leaving !== undefined) return this.#refuse(resource, above)
    seat.isUnwanted = isUnwanted
    if (this.#known.isBusy?.(resource) === true && !isUnwanted) this.#awaitQuiet(seat)
    else this.#giveBack(seat)
    return this.#done
  }

  /** Nobody holds it. Who does not look at the answer does not lose his process to it. */
  #refuse(resource: Resource, above: FrameOwner): Promise<void> {
    if (isResource(resource)) {
      if (this.#seats.wasTaken(resource)) return this.#done
      void this.#events.returned(resource, above)
    }
    const refusal = this.#pool._Promise.reject<void>(foreignReleaseError())
    refusal.then(undefined, () => {})
    return refusal
  }

  /**
   * Given back with work under way: whoever got it now would wait for the end of that. It is its
   * holder's until then; and not for ever.
   */
  #awaitQuiet(seat: Seat): void {
    const leave = (): void => {
      timer.cancel()
      if (seat.leaving?.leave !== leave) return
      seat.leaving = undefined
      // Closed meanwhile, by a drain or by its own death.
      if (this.#seats.get(seat.resource) === seat) this.#giveBack(seat)
    }
    const timer = this.#clock.after(this.#patienceMillis, () => {
      seat.isUnwanted = true
      leave()
    })
    seat.leaving = { leave, cancel: () => timer.cancel() }
  }

  #giveBack(seat: Seat): void {
    const verdict = this.#events.returned(seat.resource, this.#above)
    this.#seats.fromHolder(seat)
    if (seat.isUnwanted || verdict === 'retire') this.#retire(seat)
    else if (verdict instanceof Promise) void this.#keepWhenRestored(seat, verdict)
    else this.#keep(seat)
    this.#events.settled()
  }

  #retire(seat: Seat): void {
    void this.#neighbours.close(seat.resource, false)
    this.#neighbours.serve()
  }

  #keep(seat: Seat): void {
    if (this.#testsOnReturn) this.#events.proveReturned(seat.resource)
    else this.putIdle(seat)
  }

  /** Given back, and not free yet: nobody's until its session is clean. */
  async #keepWhenRestored(seat: Seat, verdict: Promise<'keep' | 'retire'>): Promise<void> {
    const isKept = (await verdict) === 'keep'
    // Closed meanwhile, by a drain or by its own death.
    if (this.#seats.get(seat.resource) !== seat || seat.place !== 'withdrawn') return
    if (isKept) this.#keep(seat)
    else this.#retire(seat)
    this.#events.settled()
  }

  /** What its holders are done with is generic-pool's from here on. */
  detach(): void {
    for (const seat of this.#seats.all('lent')) {
      if (seat.leaving === undefined) continue
      seat.leaving.cancel()
      void this.#pool.release(seat.resource)
    }
  }
}
