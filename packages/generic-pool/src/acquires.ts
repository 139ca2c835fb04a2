import {
  outcomeOf,
  type AcquireFailure,
  type Clock,
  type FrameOwner,
  type LendAnswer,
  type LendingEvents,
  type Origin,
  type Overrides,
  type PoolPolicy,
  type Waiter,
} from '@poolkeeper/core'
import { Caller, Line, type Next } from './callers.ts'
import { inHostWords, timeoutError, type GenericPool, type Resource } from './generic-pool.ts'
import type { Seat, Seats } from './seats.ts'

/** What acquiring needs of its neighbours. */
export interface AcquireNeighbours {
  close(resource: Resource): Promise<void>
  /** Opens for those who wait, as far as there is room. */
  open(): void
  /** What generic-pool's own options say of a resource, where they are in force: rejects when it is not fit. */
  hostAgrees(resource: Resource): Promise<void> | undefined
}

/** A caller who waits for the verdict on a resource. */
interface Asked {
  readonly caller: Caller
  seat: Seat
}

/**
 * The way from a caller's wish to a resource in his hands.
 *
 * generic-pool's own `acquire` makes the promise and queues the caller, by his priority; it is whatever
 * a subclass or an instrumentation has made of it. Whether something is free, may be lent, or is to be
 * opened is decided here.
 */
export class Acquires {
  readonly #pool: GenericPool
  readonly #seats: Seats
  readonly #events: LendingEvents<Resource>
  readonly #clock: Clock
  readonly #neighbours: AcquireNeighbours
  readonly #acquireHost: GenericPool['acquire']
  readonly #line: Line
  readonly #asked = new Map<Resource, Asked>()
  /** Of the caller who asks within this very call. */
  #origin: Origin | undefined
  #wasAsked = false

  constructor(
    pool: GenericPool,
    overrides: Overrides<GenericPool>,
    seats: Seats,
    events: LendingEvents<Resource>,
    clock: Clock,
    neighbours: AcquireNeighbours,
  ) {
    this.#pool = pool
    this.#seats = seats
    this.#events = events
    this.#clock = clock
    this.#neighbours = neighbours
    this.#acquireHost = pool.acquire
    this.#line = new Line(pool, clock, (caller) => this.#timeOut(caller))
    const acquire = (priority?: number): Promise<Resource> => this.#acquire(priority, acquire)
    overrides.set('acquire', acquire)
    overrides.set('_dispense', () => this.#dispense())
    overrides.getter('pending', () => this.pending)
  }

  configure(policy: PoolPolicy): void {
    this.#line.configure(policy)
  }

  /** Callers without a resource: in the queue, or before one that is being asked. */
  get pending(): number {
    let pending = this.#line.queued
    for (const { caller } of this.#asked.values()) if (!caller.isGone) pending++
    return pending
  }

  get queued(): number {
    return this.#line.queued
  }

  waiters(): readonly Waiter[] {
    return this.#line.waiters()
  }

  postponeDeadlines(millis: number): void {
    this.#line.postpone(millis)
  }

  #acquire(priority: number | undefined, above: FrameOwner): Promise<Resource> {
    const events = this.#events
    const refusal = events.admit()
    if (refusal !== undefined) return this.#pool._Promise.reject(inHostWords(refusal, this.#pool))
    this.#origin = events.origin(above)
    this.#wasAsked = false
    const promise = this.#acquireHost.call(this.#pool, priority)
    this.#origin = undefined
    // Turned away by a limit of generic-pool's own, which is in force while a policy only observes.
    if (!this.#wasAsked) promise.then(undefined, (error: unknown) => events.acquireFailed(error, 0, 'failed'))
    return promise
  }

  /** generic-pool's own word for "see what there is to do"; its `acquire` says it when it has queued a caller. */
  #dispense(): void {
    this.#wasAsked = true
    const origin = this.#origin
    const { wantsContext } = this.#events
    if (origin !== undefined || wantsContext) this.#line.writeDownLast(origin, wantsContext)
    this.serve()
  }

  /** Lends what is free to those who wait, and opens for the rest. */
  serve(): void {
    const { idle } = this.#seats
    while (idle.length > 0 && this.#events.mayServe()) {
      const next = this.#line.next()
      if (next === undefined) return
      this.#lend(next, this.#seats.nextIdle())
    }
    if (this.#line.queued === 0) return
    this.#line.writeDownAll()
    this.#neighbours.open()
  }

  #lend(next: Next, seat: Seat): void {
    const { request } = next
    seat.place = 'asked'
    const { resource } = seat
    const answer = request instanceof Caller ? request.lend(this.#events, resource) : this.#events.lend(resource)
    const agreeing = answer === true ? this.#neighbours.hostAgrees(resource) : undefined
    if (agreeing !== undefined) this.#ask(next, seat, agreeing.then(() => true))
    else if (answer === true) this.#deliver(next, seat)
    else if (answer instanceof Promise) this.#ask(next, seat, answer)
    else this.#turnDown(this.#line.writeDown(next), seat, answer)
  }

  #deliver({ request }: Pick<Next, 'request'>, seat: Seat): void {
    this.#seats.toHolder(seat)
    if (request instanceof Caller) {
      this.#line.strike(request)
      request.acquired(this.#events, seat.resource)
    } else this.#events.acquired(seat.resource, undefined)
    request.resolve(seat.resource)
  }

  #ask(next: Next, seat: Seat, answer: Promise<LendAnswer>): void {
    const caller = this.#line.writeDown(next)
    const asked: Asked = { caller, seat }
    caller.asking = seat
    this.#asked.set(seat.resource, asked)
    answer.then(
      (settled) => this.#settle(asked, settled),
      () => this.#settle(asked, false),
    )
  }

  /** The caller that waits for the verdict on `silent` gets `proven`: they change places. */
  exchange(silent: Resource, proven: Resource): void {
    const asked = this.#asked.get(silent)
    const seat = this.#seats.get(proven)
    if (asked === undefined || seat === undefined) return
    asked.seat.place = 'withdrawn'
    seat.place = 'asked'
    asked.seat = seat
    asked.caller.asking = seat
    this.#asked.delete(silent)
    this.#asked.set(proven, asked)
  }

  #settle(asked: Asked, answer: LendAnswer): void {
    const { caller, seat } = asked
    if (this.#asked.get(seat.resource) !== asked) return
    this.#asked.delete(seat.resource)
    caller.asking = undefined
    if (answer !== true) this.#turnDown(caller, seat, answer)
    else if (caller.isGone) this.#putBack(seat)
    else this.#deliver({ request: caller }, seat)
    this.serve()
  }

  #putBack(seat: Seat): void {
    // The keeper may have been detached while he asked.
    if (this.#seats.get(seat.resource) === seat) this.#seats.toIdle(seat)
    else this.#pool._addPooledResourceToAvailableObjects(seat.data)
  }

  /** The caller gets another resource, or an error; the resource goes, or stays. */
  #turnDown(caller: Caller, seat: Seat, answer: Exclude<LendAnswer, true>): void {
    if (!caller.isGone && answer === false) this.#line.requeue(caller)
    if (answer !== false && answer.keep) this.#putBack(seat)
    else {
      seat.place = 'withdrawn'
      void this.#neighbours.close(seat.resource)
    }
    if (!caller.isGone && answer !== false) this.#fail(caller, answer.error, outcomeOf(answer.error))
    // Not within this call: who refuses everything must not starve the event loop.
    setImmediate(() => this.#pool._dispense())
  }

  /** Only when more callers wait than there are attempts on their way: the others are waited for. */
  failOldest(error: unknown, attemptsLeft: number): void {
    if (this.#line.queued <= attemptsLeft) return
    const oldest = this.#line.waiters().find(({ asking }) => asking === undefined)
    if (oldest !== undefined) this.#fail(oldest, error, 'failed')
  }

  rejectWaiters(error: Error): number {
    const waiting = this.#line.waiters()
    for (const caller of waiting) this.#fail(caller, error, outcomeOf(error))
    return waiting.length
  }

  rejectWaiter(origin: Origin, error: Error): boolean {
    const caller = this.#line.waiters().find((one) => one.origin === origin)
    if (caller !== undefined) this.#fail(caller, error, outcomeOf(error))
    return caller !== undefined
  }

  #timeOut(caller: Caller): void {
    // His answer may have come from generic-pool's own queue, after a detachment.
    if (caller.isGone) return
    const waited = caller.waitedMillis(this.#clock.now())
    this.#fail(caller, timeoutError(this.#events.explainTimeout(waited)), 'timedOut')
  }

  #fail(caller: Caller, error: unknown, outcome: AcquireFailure): void {
    this.#line.strike(caller)
    if (caller.asking !== undefined) this.#events.abandoned(caller.asking.resource)
    caller.failed(this.#events, error, caller.waitedMillis(this.#clock.now()), outcome)
    caller.reject(error)
  }

  detach(): void {
    this.#line.detach()
  }
}
