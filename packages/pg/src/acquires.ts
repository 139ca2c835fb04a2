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
import { Caller, Line } from './line.ts'
import {
  removeFrom,
  throwLater,
  timeoutError,
  tell,
  type ConnectCallback,
  type IdleItem,
  type PendingItem,
  type PgPool,
  type PoolClient,
} from './pg-pool.ts'
import type { Seat, Seats } from './seats.ts'

/** What acquiring needs of its neighbours. */
export interface AcquireNeighbours {
  close(client: PoolClient): Promise<void>
  /** Opens for those who wait, as far as there is room. */
  open(): void
}

/** A caller who waits for the verdict on a client. */
interface Asked {
  readonly caller: Caller
  seat: Seat
}

const NOTHING_TO_RELEASE = (): void => {}

/**
 * The way from a caller's wish to a client in his hands.
 *
 * pg-pool's own `connect` makes the promise and queues the caller. Whether something is free, may be
 * lent, or is to be opened is decided here: pg-pool is told that it is full, so that every caller
 * goes through its queue, and nobody gets a new client while an older one has come back.
 */
export class PgAcquires {
  readonly #pool: PgPool
  readonly #seats: Seats
  readonly #events: LendingEvents<PoolClient>
  readonly #clock: Clock
  readonly #neighbours: AcquireNeighbours
  readonly #connectHost: PgPool['connect']
  readonly #queryHost: PgPool['query']
  readonly #queue: PendingItem[]
  readonly #idle: IdleItem[]
  readonly #line: Line
  readonly #asked = new Map<PoolClient, Asked>()
  #isQuery = false
  #isObserving = false
  #isConnecting = false

  constructor(
    pool: PgPool,
    overrides: Overrides<PgPool>,
    seats: Seats,
    events: LendingEvents<PoolClient>,
    clock: Clock,
    neighbours: AcquireNeighbours,
  ) {
    this.#pool = pool
    this.#seats = seats
    this.#events = events
    this.#clock = clock
    this.#neighbours = neighbours
    this.#connectHost = pool.connect
    this.#queryHost = pool.query
    this.#queue = pool._pendingQueue
    this.#idle = pool._idle
    this.#line = new Line(pool._pendingQueue, clock, (caller) => this.#timeOut(caller))
    const connect = (callback?: ConnectCallback): unknown => this.#connect(callback, connect)
    overrides.set('connect', connect)
    overrides.set('query', (...query) => this.#query(query))
    overrides.set('_isFull', () => this.#isFull())
    overrides.getter('waitingCount', () => this.pending)
  }

  configure(policy: PoolPolicy): void {
    this.#line.configure(policy)
    this.#isObserving = policy.mode === 'observe'
  }

  /** Callers without a client: in the queue, or before one that is being asked. */
  get pending(): number {
    let pending = this.#queue.length
    for (const { caller } of this.#asked.values()) if (!caller.isGone) pending++
    return pending
  }

  waiters(): readonly Waiter[] {
    return this.#line.waiters()
  }

  postponeDeadlines(millis: number): void {
    this.#line.postpone(millis)
  }

  /** Lends what is free to those who wait, the oldest first, and opens for the rest. */
  serve(): void {
    const queue = this.#queue
    const idle = this.#idle
    while (idle.length > 0 && queue.length > 0 && this.#events.mayServe()) {
      const waiter = queue.shift() as PendingItem
      const seat = this.#seats.of(idle.pop() as IdleItem)
      this.#lend(waiter, seat)
    }
    if (queue.length === 0) return
    this.#line.write()
    this.#neighbours.open()
  }

  /** The caller that waits for the verdict on `silent` gets `proven`: they change places. */
  exchange(silent: PoolClient, proven: PoolClient): void {
    const asked = this.#asked.get(silent)
    const seat = this.#seats.get(proven)
    if (asked === undefined || seat === undefined) return
    asked.seat.place = 'withdrawn'
    seat.place = 'asked'
    asked.seat = seat
    this.#asked.delete(silent)
    this.#asked.set(proven, asked)
  }

  /** Only when more callers wait than there are attempts on their way: the others are waited for. */
  failOldest(error: unknown, attemptsLeft: number): void {
    if (this.#queue.length <= attemptsLeft) return
    const [oldest] = this.#queue
    if (oldest !== undefined) this.#fail(this.#line.writeDown(oldest), error, 'failed')
  }

  /** Somebody for whom pg-pool was connecting before our time, and is connected now. */
  putFirst(waiter: PendingItem): void {
    if (waiter.timedOut === true) return
    this.#queue.unshift(this.#line.writeDown(waiter))
  }

  rejectWaiters(error: Error): number {
    const waiting = this.#callers()
    for (const caller of waiting) this.#fail(caller, error, outcomeOf(error))
    return waiting.length
  }

  rejectWaiter(origin: Origin, error: Error): boolean {
    const caller = this.#callers().find((one) => one.origin === origin)
    if (caller !== undefined) this.#fail(caller, error, outcomeOf(error))
    return caller !== undefined
  }

  /** Who waits, in the queue or before a client that is being asked. */
  #callers(): Caller[] {
    this.#line.write()
    const asking = [...this.#asked.values()].map(({ caller }) => caller)
    return [...(this.#queue as Caller[]), ...asking].filter((caller) => !caller.isGone)
  }

  #connect(callback: ConnectCallback | undefined, above: FrameOwner): unknown {
    const pool = this.#pool
    const isQuery = this.#isQuery
    this.#isQuery = false
    // A pool that was ended says so in its own words.
    const refusal = pool.ending ? undefined : this.#events.admit()
    if (refusal !== undefined) return this.#refuse(refusal, callback)
    const origin = pool.ending ? undefined : this.#events.origin(above)
    this.#isConnecting = true
    const before = this.#queue.length
    try {
      return this.#connectHost.call(pool, isQuery && callback !== undefined && !this.#isObserving ? this.#forQuery(callback) : callback)
    } finally {
      this.#isConnecting = false
      if (this.#queue.length > before) this.#queued(origin)
    }
  }

  #query(query: readonly unknown[]): unknown {
    this.#isQuery = true
    try {
      return this.#queryHost.apply(this.#pool, query as unknown[])
    } finally {
      this.#isQuery = false
    }
  }

  /** `pool.query()` gives its client back with the error of any statement: that is to be known then. */
  #forQuery(callback: ConnectCallback): ConnectCallback {
    return (error, client, release) => {
      const seat = this.#seats.get(client)
      if (seat !== undefined) seat.isForQuery = true
      callback(error, client, release)
    }
  }

  #refuse(error: Error, callback: ConnectCallback | undefined): unknown {
    if (callback === undefined) return this.#pool.Promise.reject(error)
    process.nextTick(callback, error, undefined, NOTHING_TO_RELEASE)
    return undefined
  }

  /** Asked by pg-pool's own `connect` alone, before it queues somebody. */
  #isFull(): boolean {
    // A subclass may call it later than in the call that we see.
    if (!this.#isConnecting) process.nextTick(() => this.serve())
    return true
  }

  /** pg-pool itself serves in the next tick when something is idle. */
  #queued(origin: Origin | undefined): void {
    const { wantsContext } = this.#events
    if (origin !== undefined || wantsContext) this.#line.writeLast(origin, wantsContext)
    if (this.#idle.length < this.#queue.length) this.serve()
  }

  #lend(waiter: PendingItem, seat: Seat): void {
    seat.place = 'asked'
    if (seat.isUnrefed) {
      seat.isUnrefed = false
      seat.client.ref?.()
    }
    const { client } = seat
    const answer = waiter instanceof Caller ? waiter.lend(this.#events, client) : this.#events.lend(client)
    if (answer === true) this.#deliver(waiter, seat)
    else if (answer instanceof Promise) this.#ask(waiter, seat, answer)
    else this.#turnDown(waiter, seat, answer)
  }

  #deliver(waiter: PendingItem, seat: Seat): void {
    const pool = this.#pool
    const { client } = seat
    seat.place = 'lent'
    seat.isForQuery = false
    if (waiter instanceof Caller) {
      this.#line.strike(waiter)
      waiter.acquired(this.#events, client)
    } else this.#events.acquired(client, undefined)
    const release = pool._releaseOnce(client, seat.idleListener)
    client.release = release
    tell(pool, 'acquire', client)
    try {
      waiter.callback(undefined, client, release)
    } catch (error) {
      throwLater(error)
    }
  }

  #ask(waiter: PendingItem, seat: Seat, answer: Promise<LendAnswer>): void {
    const caller = this.#line.writeDown(waiter)
    const asked: Asked = { caller, seat }
    this.#asked.set(seat.client, asked)
    answer.then(
      (settled) => this.#settle(asked, settled),
      () => this.#settle(asked, false),
    )
  }

  #settle(asked: Asked, answer: LendAnswer): void {
    const { caller, seat } = asked
    if (this.#asked.get(seat.client) !== asked) return
    this.#asked.delete(seat.client)
    if (answer !== true) this.#turnDown(caller, seat, answer)
    else if (caller.isGone) this.#putBack(seat)
    else this.#deliver(caller, seat)
    this.serve()
  }

  #putBack(seat: Seat): void {
    // The keeper may have been detached while he asked.
    if (this.#seats.get(seat.client) === seat) this.#seats.toIdle(seat)
    else this.#pool._release(seat.client, seat.idleListener)
  }

  /** The caller gets another client, or an error; the client goes, or stays. */
  #turnDown(waiter: PendingItem, seat: Seat, answer: Exclude<LendAnswer, true>): void {
    const caller = this.#line.writeDown(waiter)
    if (!caller.isGone && answer === false) this.#requeue(caller)
    if (answer !== false && answer.keep) this.#putBack(seat)
    else {
      seat.place = 'withdrawn'
      void this.#neighbours.close(seat.client)
    }
    if (!caller.isGone && answer !== false) this.#fail(caller, answer.error, outcomeOf(answer.error))
    // Not within this call: who refuses everything must not starve the event loop.
    setImmediate(() => this.serve())
  }

  /** Before all who came after him; who is not written down yet came last. */
  #requeue(caller: Caller): void {
    const isBehind = (other: PendingItem): boolean => !(other instanceof Caller) || other.number > caller.number
    const index = this.#queue.findIndex(isBehind)
    this.#queue.splice(index === -1 ? this.#queue.length : index, 0, caller)
  }

  #timeOut(caller: Caller): void {
    const waited = caller.waitedMillis(this.#clock.now())
    const isThere = this.#queue.includes(caller) || this.#askedFor(caller) !== undefined
    // His answer came from pg-pool: its own timer, or its own queue after a detachment.
    if (isThere && !caller.isGone) this.#fail(caller, timeoutError(this.#events.explainTimeout(waited)), 'timedOut')
  }

  #fail(caller: Caller, error: unknown, outcome: AcquireFailure): void {
    removeFrom(this.#queue, (other) => other === caller)
    caller.timedOut = true
    const asked = this.#askedFor(caller)
    if (asked !== undefined) this.#events.abandoned(asked.seat.client)
    this.#line.strike(caller)
    caller.failed(this.#events, error, caller.waitedMillis(this.#clock.now()), outcome)
    try {
      caller.callback(error, undefined, NOTHING_TO_RELEASE)
    } catch (thrown) {
      throwLater(thrown)
    }
  }

  #askedFor(caller: Caller): Asked | undefined {
    if (this.#asked.size === 0) return undefined
    return [...this.#asked.values()].find((asked) => asked.caller === caller)
  }
}
