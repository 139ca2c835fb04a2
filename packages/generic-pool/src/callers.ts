import { Waiting, WaitingList, type Clock, type Origin, type PoolPolicy, type Waiter } from '@poolkeeper/core'
import {
  guardRemove,
  isIn,
  nodesOf,
  PENDING,
  type GenericPool,
  type LinkedList,
  type ListNode,
  type Resource,
  type ResourceRequest,
} from './generic-pool.ts'
import type { Seat } from './seats.ts'

type Queue = LinkedList<ResourceRequest>
type Place = ListNode<ResourceRequest>

/** A caller who could not be served in the turn in which he asked: he stands in generic-pool's queue for his own request. */
export class Caller extends Waiting implements ResourceRequest {
  /** Where he stands, or has to go back to: generic-pool has one queue a priority. */
  readonly queue: Queue
  readonly place: Place
  readonly #request: ResourceRequest
  /** On which the verdict is awaited for him. */
  asking: Seat | undefined = undefined

  constructor(request: ResourceRequest, queue: Queue, place: Place, origin: Origin | undefined) {
    super(origin)
    this.#request = request
    this.queue = queue
    this.place = place
  }

  get state(): string {
    return this.#request.state
  }

  get promise(): PromiseLike<Resource> {
    return this.#request.promise
  }

  resolve(resource: Resource): void {
    this.#request.resolve(resource)
  }

  reject(error: unknown): void {
    this.#request.reject(error)
  }

  get isGone(): boolean {
    return this.state !== PENDING
  }
}

/** Somebody at the head of the queue: written down, or in the very turn in which he asks. */
export interface Next {
  readonly request: ResourceRequest
  readonly queue: Queue
  readonly place: Place
}

/**
 * Those who stand in generic-pool's queue, which has them by their priorities.
 *
 * Who is served in the turn in which he asked has not waited: he is written down only when he is still
 * there after that, so that an ordinary checkout costs no entry, no clock and no timer.
 */
export class Line {
  readonly #pool: GenericPool
  readonly #queues: readonly Queue[]
  readonly #waiting: WaitingList<Caller>
  readonly #guards: readonly { undo(): void }[]
  #isDetached = false

  constructor(pool: GenericPool, clock: Clock, onDeadline: (caller: Caller & Waiter) => void) {
    this.#pool = pool
    this.#queues = pool._waitingClientsQueue._slots.map(({ _list }) => _list)
    this.#waiting = new WaitingList(clock, onDeadline)
    this.#guards = this.#queues.map((queue) => guardRemove(queue))
  }

  configure({ acquireTimeoutMillis }: PoolPolicy): void {
    this.#waiting.configure(acquireTimeoutMillis)
  }

  get queued(): number {
    return this.#pool._waitingClientsQueue.length
  }

  waiters(): readonly (Caller & Waiter)[] {
    return this.#waiting.all()
  }

  postpone(millis: number): void {
    this.#waiting.postpone(millis)
  }

  /** The next to be served, off the queue; those who have left it are passed over. */
  next(): Next | undefined {
    for (const queue of this.#queues) {
      for (let place = queue.head; place !== null; place = queue.head) {
        queue.remove(place)
        if (place.data.state === PENDING) return { request: place.data, queue, place }
        if (place.data instanceof Caller) this.strike(place.data)
      }
    }
    return undefined
  }

  /** Writes down those who have come since, for whom the keeper's deadline holds from now on. */
  writeDownAll(): void {
    for (const queue of this.#queues) {
      for (let place = queue.tail; place !== null && !(place.data instanceof Caller); place = place.prev) {
        place.data = this.writeDown({ request: place.data, queue, place })
      }
    }
  }

  /** Whoever stands at the end of a queue, and is not written down yet, has just asked. */
  writeDownLast(origin: Origin | undefined, wantsContext: boolean): void {
    for (const queue of this.#queues) {
      const place = queue.tail
      if (place === null || place.data instanceof Caller) continue
      const caller = this.writeDown({ request: place.data, queue, place }, origin)
      if (wantsContext) caller.rememberContext()
      place.data = caller
    }
  }

  writeDown({ request, queue, place }: Next, origin?: Origin): Caller {
    if (request instanceof Caller) return request
    // generic-pool's own deadline is the policy's by now.
    request.removeTimeout?.()
    const caller = new Caller(request, queue, place, origin)
    this.#waiting.add(caller)
    return caller
  }

  /** Back to where he stood: before all of his priority who came after him. */
  requeue(caller: Caller): void {
    const { place, queue } = caller
    place.data = caller
    const behind = nodesOf(queue).find(({ data }) => !(data instanceof Caller) || data.number > caller.number)
    if (behind === undefined) queue.insertEnd(place)
    else queue.insertBefore(behind, place)
  }

  /** He has his answer. */
  strike(caller: Caller): void {
    this.#waiting.take(caller)
    // Without the guard, generic-pool has to do it, and does.
    if (!this.#isDetached && isIn(caller.queue, caller.place)) caller.queue.remove(caller.place)
  }

  detach(): void {
    this.#isDetached = true
    for (const guard of this.#guards) guard.undo()
  }
}
