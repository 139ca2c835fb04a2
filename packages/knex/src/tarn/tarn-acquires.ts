import {
  outcomeOf,
  WaitingList,
  type AcquireFailure,
  type Clock,
  type LendAnswer,
  type LendingEvents,
  type Origin,
  type Overrides,
  type PoolPolicy,
  type Waiter,
} from '@poolkeeper/core'
import { KeptAcquire, refused, type AcquireOutcome } from './kept-acquire.ts'
import type { TarnHost } from './tarn-host.ts'
import {
  isTarnTimeout,
  moveToFree,
  removeFrom,
  serveAll,
  strikeOff,
  timeoutOf,
  type TarnEntry,
  type TarnOperation,
  type TarnPool,
} from './tarn-pool.ts'

/** What acquiring and releasing need of their neighbours. */
export interface AcquireNeighbours<C> {
  /** Connections that the keeper has taken out of the free list. */
  readonly withdrawn: Set<C>
  close(connection: C): Promise<void>
}

/**
 * The way from a caller's wish to a connection in his hands, and back.
 *
 * tarn gives every acquire a timer of its own, and wraps every checkout in a second operation with
 * another one, for the sake of validators that never answer. Checks have their own deadline here, and
 * callers have theirs behind one timer, which pays for all that the keeper does on the way.
 */
export class TarnAcquires<C extends object> implements AcquireOutcome<C> {
  readonly #pool: TarnPool<C>
  readonly #tarn: TarnHost<C>
  readonly #events: LendingEvents<C>
  readonly #clock: Clock
  readonly #neighbours: AcquireNeighbours<C>
  readonly #releaseHost: (connection: C) => boolean
  /** Those who were not served at once. */
  readonly #waiting: WaitingList<KeptAcquire<C>>
  /** Entries whose caller waits for a verdict on the connection. */
  readonly #asking = new Map<C, TarnEntry<C>>()

  constructor(
    pool: TarnPool<C>,
    overrides: Overrides<TarnPool<C>>,
    tarn: TarnHost<C>,
    events: LendingEvents<C>,
    clock: Clock,
    policy: PoolPolicy,
    neighbours: AcquireNeighbours<C>,
  ) {
    this.#waiting = new WaitingList(clock, (acquire) => void this.#timeOut(acquire))
    this.configure(policy)
    this.#neighbours = neighbours
    this.#pool = pool
    this.#tarn = tarn
    this.#events = events
    this.#clock = clock
    this.#releaseHost = pool.release
    const acquire = (): TarnOperation<C> => this.#acquire(acquire)
    overrides.set('acquire', acquire)
    overrides.set('_doAcquire', () => this.#serve())
    const release = (connection: C): boolean => this.#release(connection, release)
    overrides.set('release', release)
  }

  waiters(): readonly Waiter[] {
    return this.#waiting.all()
  }

  postponeDeadlines(millis: number): void {
    this.#waiting.postpone(millis)
  }

  configure({ acquireTimeoutMillis }: PoolPolicy): void {
    this.#waiting.configure(acquireTimeoutMillis)
  }

  rejectWaiter(origin: Origin, error: Error): boolean {
    const { pendingAcquires, pendingValidations } = this.#pool
    const waiting = [...pendingAcquires, ...pendingValidations]
    const acquire = waiting.find((one) => one instanceof KeptAcquire && one.origin === origin)
    acquire?.reject(error)
    return acquire !== undefined
  }

  isAsking(connection: C): boolean {
    return this.#asking.has(connection)
  }

  /** The caller that waits for the verdict on `silent` gets `proven`: they change places. */
  exchange(silent: C, proven: C): void {
    const entry = this.#asking.get(silent)
    const other = this.#pool.used.find(({ resource }) => resource === proven)
    if (entry === undefined || other === undefined) return
    entry.resource = proven
    other.resource = silent
    this.#asking.delete(silent)
    this.#asking.set(proven, entry)
  }

  #acquire(above: () => TarnOperation<C>): TarnOperation<C> {
    const refusal = this.#events.admit()
    if (refusal !== undefined) return refused(refusal)
    const pool = this.#pool
    const acquire = new KeptAcquire<C>(pool.eventId++, this.#events.origin(above), this)
    pool._executeEventHandlers('acquireRequest', acquire.id)
    pool.pendingAcquires.push(acquire)
    pool._tryAcquireOrCreate()
    if (!acquire.isSettled) this.#line(acquire)
    return acquire
  }

  #line(acquire: KeptAcquire<C>): void {
    if (this.#events.wantsContext) acquire.rememberContext()
    this.#waiting.add(acquire)
  }

  /** With tarn's own error: Knex looks for it. */
  async #timeOut(acquire: KeptAcquire<C>): Promise<void> {
    acquire.reject(await timeoutOf(this.#pool, acquire.possibleTimeoutCause))
  }

  served(acquire: KeptAcquire<C>, connection: C): void {
    this.#waiting.take(acquire)
    this.#pool._executeEventHandlers('acquireSuccess', acquire.id, connection)
    acquire.acquired(this.#events, connection)
  }

  failed(acquire: KeptAcquire<C>, error: unknown): void {
    const { pendingAcquires } = this.#pool
    const waited = acquire.waitedMillis(this.#clock.now())
    this.#waiting.take(acquire)
    if (isTarnTimeout(error)) {
      // The host's error stays what it is, and says why in its cause.
      const cause = this.#events.explainTimeout(waited)
      Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true, enumerable: false })
    }
    const index = pendingAcquires.indexOf(acquire)
    if (index !== -1) pendingAcquires.splice(index, 1)
    this.#pool._executeEventHandlers('acquireFail', acquire.id, error)
    acquire.failed(this.#events, error, waited, endOf(error))
  }

  /** In place of tarn's loop over free connections and waiting callers; its lists are the same. */
  #serve(): void {
    const { free, pendingAcquires, used } = this.#pool
    if (!this.#events.mayServe()) return
    while (free.length > 0 && pendingAcquires.length > 0) {
      const waiter = pendingAcquires.shift() as TarnOperation<C>
      const entry = free.pop() as TarnEntry<C>
      used.push(entry)
      const answer = this.#answerFor(waiter, entry)
      if (answer === true) this.#deliver(waiter, entry)
      else if (answer instanceof Promise) this.#await(waiter, entry, answer)
      else this.#turnDown(waiter, entry, answer)
    }
  }

  #answerFor(waiter: TarnOperation<C>, entry: TarnEntry<C>): LendAnswer | Promise<LendAnswer> {
    const { resource } = entry
    const answer = waiter instanceof KeptAcquire ? waiter.lend(this.#events, resource) : this.#events.lend(resource)
    if (answer === true) return this.#hostAgrees(waiter, entry, false)
    if (!(answer instanceof Promise)) return answer
    waiter.promise.catch(() => this.#events.abandoned(entry.resource))
    // By then it may be another connection.
    return answer.then((later) => (later === true ? this.#hostAgrees(waiter, entry, true) : later))
  }

  #hostAgrees(waiter: TarnOperation<C>, entry: TarnEntry<C>, wasChecked: boolean): boolean | Promise<boolean> {
    const agrees = this.#tarn.agrees(entry.resource, wasChecked)
    // A host's validator that never answers costs the connection once its caller has left, as in tarn.
    if (agrees !== true && agrees !== false) waiter.promise.catch(() => this.#settle(waiter, entry, false))
    return agrees
  }

  #deliver(waiter: TarnOperation<C>, entry: TarnEntry<C>): void {
    this.#pool._startReaping()
    waiter.resolve(entry.resource)
    if (!(waiter instanceof KeptAcquire)) void this.#followUp(waiter, entry.resource)
  }

  /** An acquire from before the keeper's time ends in tarn's way: its caller may leave in the last moment. */
  async #followUp(waiter: TarnOperation<C>, connection: C): Promise<void> {
    try {
      await waiter.promise
      this.#events.acquired(connection, undefined)
    } catch {
      if (moveToFree(this.#pool, connection)) serveAll(this.#pool)
    }
  }

  /** In tarn's own books, so that its counts see the caller, and its destroy() waits for the verdict. */
  #await(waiter: TarnOperation<C>, entry: TarnEntry<C>, answer: Promise<LendAnswer>): void {
    this.#pool.pendingValidations.push(waiter)
    this.#asking.set(entry.resource, entry)
    answer.then(
      (settled) => this.#settle(waiter, entry, settled),
      // A host's validator may throw or reject: that is a refusal, and nothing else.
      () => this.#settle(waiter, entry, false),
    )
  }

  #settle(waiter: TarnOperation<C>, entry: TarnEntry<C>, answer: LendAnswer): void {
    if (!this.#asking.delete(entry.resource)) return
    const { pendingValidations } = this.#pool
    pendingValidations.splice(pendingValidations.indexOf(waiter), 1)
    if (answer !== true) this.#turnDown(waiter, entry, answer)
    else if (!waiter.isRejected) this.#deliver(waiter, entry)
    else if (moveToFree(this.#pool, entry.resource)) serveAll(this.#pool)
  }

  /** The caller gets another connection, or an error; the connection goes, or stays. */
  #turnDown(waiter: TarnOperation<C>, entry: TarnEntry<C>, answer: Exclude<LendAnswer, true>): void {
    if (answer !== false) waiter.reject(answer.error)
    else if (!waiter.isRejected) this.#requeue(waiter)
    if (answer !== false && answer.keep) moveToFree(this.#pool, entry.resource)
    else this.#remove(entry)
    // Not within this call: who refuses everything must not starve the event loop.
    setTimeout(() => serveAll(this.#pool), 0)
  }

  #remove(entry: TarnEntry<C>): void {
    removeFrom(this.#pool.used, entry.resource)
    entry.resolve()
    void this.#neighbours.close(entry.resource)
  }

  /** Before all who came after him. */
  #requeue(waiter: TarnOperation<C>): void {
    const waiting = this.#pool.pendingAcquires
    const index = waiting.findIndex((other) => numberOf(other) > numberOf(waiter))
    waiting.splice(index === -1 ? waiting.length : index, 0, waiter)
  }

  #release(connection: C, above: (connection: C) => boolean): boolean {
    const pool = this.#pool
    const verdict = this.#events.returned(connection, above)
    if (verdict === 'foreign') return false
    let released = true
    if (verdict === 'keep') {
      released = this.#releaseHost.call(pool, connection)
    } else {
      pool._executeEventHandlers('release', connection)
      if (verdict === 'retire') this.#retire(connection)
      else void this.#keepWhenRestored(connection, verdict)
    }
    this.#events.settled()
    return released
  }

  #retire(connection: C): void {
    strikeOff(this.#pool, connection)
    void this.#neighbours.close(connection)
    serveAll(this.#pool)
  }

  /** Given back, and not free yet: it stays on tarn's list of used ones until its session is clean. */
  async #keepWhenRestored(connection: C, verdict: Promise<'keep' | 'retire'>): Promise<void> {
    const { withdrawn } = this.#neighbours
    withdrawn.add(connection)
    const isKept = (await verdict) === 'keep'
    // Closed meanwhile, by a drain or by its own death.
    if (!withdrawn.delete(connection)) return
    if (!isKept) this.#retire(connection)
    else if (moveToFree(this.#pool, connection)) serveAll(this.#pool)
    this.#events.settled()
  }
}

/** Who has not begun to wait came last; an acquire from before the keeper's time came before all others. */
function numberOf<C>(waiter: TarnOperation<C>): number {
  return waiter instanceof KeptAcquire ? waiter.number || Infinity : 0
}

function endOf(error: unknown): AcquireFailure {
  if (isTarnTimeout(error)) return 'timedOut'
  return error instanceof Error && error.message === 'aborted' ? 'aborted' : outcomeOf(error)
}
