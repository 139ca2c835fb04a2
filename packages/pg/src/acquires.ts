import {
  isPoolkeeperError,
  type Clock,
  type FrameOwner,
  type LendAnswer,
  type LendingEvents,
  type Origin,
  type Overrides,
  type PoolPolicy,
  type Waiter,
} from '@poolkeeper/core'
import { Line } from './line.ts'
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
  readonly waiter: PendingItem
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
  /** The order in which callers left the queue, for those who have to go back into it. */
  readonly #places = new WeakMap<PendingItem, number>()
  #lastPlace = 0
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
    this.#line = new Line(clock, (waiter, since) => this.#timeOut(waiter, since))
    const connect = (callback?: ConnectCallback): unknown => this.#connect(callback, connect)
    overrides.set('connect', connect)
    overrides.set('query', (...query) => this.#query(query))
    overrides.set('_isFull', () => this.#isFull())
    overrides.getter('waitingCount', () => this.pending)
    this.#line.came(this.#queue.length)
  }

  configure(policy: PoolPolicy): void {
    this.#line.configure(policy)
    this.#isObserving = policy.mode === 'observe'
  }

  /** Callers without a client: in the queue, or before one that is being asked. */
  get pending(): number {
    let pending = this.#queue.length
    for (const { waiter } of this.#asked.values()) if (waiter.timedOut !== true) pending++
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
    this.#line.write(this.#queue)
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
    const waiter = this.#queue[0]
    if (waiter !== undefined) this.#fail(waiter, error, 'failed')
  }

  /** Somebody for whom pg-pool was connecting before our time, and is connected now. */
  putFirst(waiter: PendingItem): void {
    if (waiter.timedOut === true) return
    this.#line.came(1)
    this.#queue.unshift(waiter)
  }

  rejectWaiters(error: Error): number {
    const waiters = [...this.#queue, ...[...this.#asked.values()].map(({ waiter }) => waiter)]
    const waiting = waiters.filter(({ timedOut }) => timedOut !== true)
    for (const waiter of waiting) this.#fail(waiter, error, outcomeOf(error))
    return waiting.length
  }

  rejectWaiter(origin: Origin, error: Error): boolean {
    const waiter = this.#line.whoAsked(origin)
    if (waiter === undefined || waiter.timedOut === true) return false
    this.#fail(waiter, error, outcomeOf(error))
    return true
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
    if (!this.#isConnecting) process.nextTick(() => this.#servePassedBy())
    return true
  }

  #servePassedBy(): void {
    this.#line.came(1)
    this.serve()
  }

  /** pg-pool itself serves in the next tick when something is idle. */
  #queued(origin: Origin | undefined): void {
    this.#line.came(1)
    const waiter = this.#queue.at(-1) as PendingItem
    if (origin !== undefined) this.#line.askedBy(waiter, origin)
    if (this.#events.wantsContext) this.#line.rememberContext(waiter)
    if (this.#idle.length < this.#queue.length) this.serve()
  }

  #lend(waiter: PendingItem, seat: Seat): void {
    seat.place = 'asked'
    if (seat.isUnrefed) {
      seat.isUnrefed = false
      seat.client.ref?.()
    }
    const answer = this.#events.wantsContext ? this.#lendWithin(waiter, seat.client) : this.#events.lend(seat.client)
    if (answer === true) this.#deliver(waiter, seat)
    else if (answer instanceof Promise) this.#ask(waiter, seat, answer)
    else this.#turnDown(waiter, seat, answer)
  }

  #lendWithin(waiter: PendingItem, client: PoolClient): LendAnswer | Promise<LendAnswer> {
    const context = this.#line.contextOf(waiter)
    return context === undefined ? this.#events.lend(client) : context.runInAsyncScope(() => this.#events.lend(client))
  }

  #deliver(waiter: PendingItem, seat: Seat): void {
    const pool = this.#pool
    const { client } = seat
    seat.place = 'lent'
    seat.isForQuery = false
    this.#events.acquired(client, this.#line.strike(waiter), this.#line.takeOrigin(waiter))
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
    this.#line.writeDown(waiter)
    this.#places.set(waiter, this.#places.get(waiter) ?? ++this.#lastPlace)
    const asked: Asked = { waiter, seat }
    this.#asked.set(seat.client, asked)
    answer.then(
      (settled) => this.#settle(asked, settled),
      () => this.#settle(asked, false),
    )
  }

  #settle(asked: Asked, answer: LendAnswer): void {
    const { waiter, seat } = asked
    if (this.#asked.get(seat.client) !== asked) return
    this.#asked.delete(seat.client)
    if (answer !== true) this.#turnDown(waiter, seat, answer)
    else if (waiter.timedOut !== true) this.#deliver(waiter, seat)
    else this.#putBack(seat)
    this.serve()
  }

  #putBack(seat: Seat): void {
    // The keeper may have been detached while he asked.
    if (this.#seats.get(seat.client) === seat) this.#seats.toIdle(seat)
    else this.#pool._release(seat.client, seat.idleListener)
  }

  /** The caller gets another client, or an error; the client goes, or stays. */
  #turnDown(waiter: PendingItem, seat: Seat, answer: Exclude<LendAnswer, true>): void {
    const isThere = waiter.timedOut !== true
    if (isThere && answer === false) this.#requeue(waiter)
    if (answer !== false && answer.keep) this.#putBack(seat)
    else {
      seat.place = 'withdrawn'
      void this.#neighbours.close(seat.client)
    }
    if (isThere && answer !== false) this.#fail(waiter, answer.error, outcomeOf(answer.error))
    // Not within this call: who refuses everything must not starve the event loop.
    setImmediate(() => this.serve())
  }

  /** Before all who were never asked for, and among those who were in the order in which they came. */
  #requeue(waiter: PendingItem): void {
    const place = this.#places.get(waiter) ?? ++this.#lastPlace
    this.#places.set(waiter, place)
    const index = this.#queue.findIndex((other) => (this.#places.get(other) ?? Infinity) > place)
    this.#queue.splice(index === -1 ? this.#queue.length : index, 0, waiter)
  }

  #timeOut(waiter: PendingItem, since: number): void {
    const waited = this.#clock.now() - since
    const isThere = this.#queue.includes(waiter) || this.#askedFor(waiter) !== undefined
    // His answer came from pg-pool: its own timer, or its own queue after a detachment.
    if (!isThere || waiter.timedOut === true) this.#line.strike(waiter)
    else this.#fail(waiter, timeoutError(this.#events.explainTimeout(waited)), 'timedOut')
  }

  #fail(waiter: PendingItem, error: unknown, outcome: 'timedOut' | 'refused' | 'failed'): void {
    removeFrom(this.#queue, (other) => other === waiter)
    waiter.timedOut = true
    this.#line.takeOrigin(waiter)
    const asked = this.#askedFor(waiter)
    if (asked !== undefined) this.#events.abandoned(asked.seat.client)
    const now = this.#clock.now()
    const since = this.#line.strike(waiter) ?? now
    this.#events.acquireFailed(error, now - since, outcome)
    try {
      waiter.callback(error, undefined, NOTHING_TO_RELEASE)
    } catch (thrown) {
      throwLater(thrown)
    }
  }

  #askedFor(waiter: PendingItem): Asked | undefined {
    if (this.#asked.size === 0) return undefined
    return [...this.#asked.values()].find((asked) => asked.waiter === waiter)
  }
}

/** Of our own errors, what the user's code says is the answer of an attempt; the others turn callers away. */
const FAILURES: ReadonlySet<unknown> = new Set(['HOOK_FAILED', 'CREDENTIALS_FAILED'])

function outcomeOf(error: unknown): 'refused' | 'failed' {
  return isPoolkeeperError(error) && !FAILURES.has(error.code) ? 'refused' : 'failed'
}
