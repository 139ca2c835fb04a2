import type { KnownResource } from './resource-driver.ts'
import { isIn, nodesOf, type GenericPool, type LinkedList, type ListNode, type Loan, type PooledResource, type Resource } from './generic-pool.ts'

/**
 * Where a resource is: in generic-pool's list of available ones; before a caller that waits for the
 * verdict on it; in somebody's hands; out of the list by the keeper's wish.
 */
export type Place = 'idle' | 'asked' | 'lent' | 'withdrawn'

/**
 * One resource, from its first day to its last: what generic-pool keeps in its list while it is idle,
 * and in its map of loans while it is lent. Neither costs an object of its own any more.
 */
export class Seat implements ListNode<PooledResource>, Loan {
  prev: ListNode<PooledResource> | null = null
  next: ListNode<PooledResource> | null = null
  readonly data: PooledResource
  readonly resource: Resource
  place: Place
  /** Given back to be destroyed: it is not to be cleaned before. */
  isUnwanted = false
  /** Given back with work under way; still its holder's until that has ended. */
  leaving: { leave(): void; cancel(): void } | undefined = undefined
  #over: Promise<void> | undefined = undefined
  #end: (() => void) | undefined = undefined

  constructor(pooledResource: PooledResource, place: Place) {
    this.data = pooledResource
    this.resource = pooledResource.obj
    this.place = place
  }

  get pooledResource(): PooledResource {
    return this.data
  }

  /** For generic-pool's own `drain`, after a detachment. */
  get promise(): Promise<void> {
    return (this.#over ??= new Promise((resolve) => (this.#end = resolve)))
  }

  /** The loan is over. */
  resolve(): void {
    this.#end?.()
    this.#over = undefined
    this.#end = undefined
  }
}

/** What is told of a resource by its own events. */
export interface SeatEvents {
  answered(seat: Seat): void
  failed(seat: Seat, error: unknown): void
  died(seat: Seat, error: unknown): void
}

/** The resources that a keeper knows. */
export class Seats {
  readonly idle: LinkedList<PooledResource>
  readonly #pool: GenericPool
  readonly #known: KnownResource
  readonly #seats = new Map<Resource, Seat>()
  readonly #undos = new Map<Resource, () => void>()
  /** Closed under its holder, who may still give it back. */
  readonly #taken = new WeakSet<Resource>()

  constructor(pool: GenericPool, known: KnownResource) {
    this.#pool = pool
    this.#known = known
    this.idle = pool._availableObjects._list
  }

  get(resource: Resource): Seat | undefined {
    return this.#seats.get(resource)
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
   * What has been idle for longest first. That is where a pool in generic-pool's default order takes the
   * next one from; it is the coldest all the same.
   */
  idleResources(): Resource[] {
    const resources = nodesOf(this.idle).map(({ data }) => data.obj)
    return this.#pool._config.fifo ? resources : resources.reverse()
  }

  /** Listens to a resource from now on, whoever has it. */
  adopt(pooledResource: PooledResource, place: Place, events: SeatEvents): Seat {
    const seat = new Seat(pooledResource, place)
    const { resource } = seat
    const unwatch = this.#known.watch(resource, (error) => events.died(seat, error))
    const unlisten = this.#known.listen?.(resource, {
      answered: () => events.answered(seat),
      failed: (error) => events.failed(seat, error),
    })
    this.#seats.set(resource, seat)
    this.#undos.set(resource, () => {
      unwatch()
      unlisten?.()
    })
    return seat
  }

  /** Into the list of available ones, at the end at which generic-pool puts it. */
  toIdle(seat: Seat): void {
    seat.place = 'idle'
    seat.data.idle()
    if (this.#pool._config.fifo) this.idle.insertEnd(seat)
    else this.idle.insertBeginning(seat)
  }

  /** Out of it: the one that generic-pool would lend next. */
  nextIdle(): Seat {
    const seat = this.idle.head as Seat
    this.idle.remove(seat)
    return seat
  }

  toHolder(seat: Seat): void {
    seat.place = 'lent'
    seat.data.allocate()
    this.#pool._resourceLoans.set(seat.resource, seat)
  }

  /** Its holder has given it back. */
  fromHolder(seat: Seat): void {
    this.#pool._resourceLoans.delete(seat.resource)
    seat.resolve()
    seat.data.deallocate()
    seat.place = 'withdrawn'
  }

  /** Its listeners stay: what is dying may still raise errors, and nobody else may be listening. */
  forget(seat: Seat): void {
    // generic-pool's own sweep takes it out before it closes it.
    if (isIn(this.idle, seat)) this.idle.remove(seat)
    if (seat.place === 'lent') {
      this.fromHolder(seat)
      this.#taken.add(seat.resource)
    }
    this.#seats.delete(seat.resource)
    this.#undos.delete(seat.resource)
  }

  /** Whether it was taken from the one who gives it back now; he is told of nothing. */
  wasTaken(resource: Resource): boolean {
    return this.#taken.delete(resource)
  }

  /** Everything is generic-pool's own again. */
  release(): void {
    for (const seat of this.all('withdrawn')) this.toIdle(seat)
    for (const seat of nodesOf(this.idle)) {
      this.idle.insertBefore(seat, { prev: null, next: null, data: seat.data })
      this.idle.remove(seat)
    }
    for (const undo of this.#undos.values()) undo()
    this.#seats.clear()
    this.#undos.clear()
  }
}
