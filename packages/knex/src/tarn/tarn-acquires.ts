import {
  isPoolkeeperError,
  type Clock,
  type LendAnswer,
  type LendingEvents,
  type Origin,
  type Overrides,
  type Waiter,
} from '@poolkeeper/core'
import type { TarnHost } from './tarn-host.ts'
import {
  isTarnTimeout,
  moveToFree,
  removeFrom,
  serveAll,
  strikeOff,
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
 * tarn wraps every checkout in a second operation with a timer of its own, for the sake of
 * validators that never answer. Checks have their own deadline here, so a connection that needs
 * none is handed over at once, which pays for all that the keeper does on the way.
 */
export class TarnAcquires<C extends object> {
  readonly #pool: TarnPool<C>
  readonly #tarn: TarnHost<C>
  readonly #events: LendingEvents<C>
  readonly #clock: Clock
  readonly #neighbours: AcquireNeighbours<C>
  readonly #acquireHost: () => TarnOperation<C>
  readonly #releaseHost: (connection: C) => boolean
  /** Since when callers wait, by tarn's number of the acquire; those served at once are not in it. */
  readonly #waitingSince = new Map<number, number>()
  /** Who asked, by the same number, where anybody wants to know; until he is served, or leaves. */
  readonly #asked = new Map<number, { readonly origin: Origin; readonly operation: TarnOperation<C> }>()
  /** Entries whose caller waits for a verdict on the connection. */
  readonly #asking = new Map<C, TarnEntry<C>>()
  /** The order in which callers were put back, because their connections were unfit. */
  readonly #places = new WeakMap<TarnOperation<C>, number>()
  #lastPlace = 0
  #deliveredAtOnce = false

  constructor(
    pool: TarnPool<C>,
    overrides: Overrides<TarnPool<C>>,
    tarn: TarnHost<C>,
    events: LendingEvents<C>,
    clock: Clock,
    neighbours: AcquireNeighbours<C>,
  ) {
    this.#neighbours = neighbours
    this.#pool = pool
    this.#tarn = tarn
    this.#events = events
    this.#clock = clock
    this.#acquireHost = pool.acquire
    this.#releaseHost = pool.release
    const acquire = (): TarnOperation<C> => this.#acquire(acquire)
    overrides.set('acquire', acquire)
    overrides.set('_doAcquire', () => this.#serve())
    overrides.set('release', (connection) => this.#release(connection))
    const onSuccess = (id: number, connection: C): void => events.acquired(connection, this.#takeSince(id), this.#takeOrigin(id))
    const onFail = (id: number, error: unknown): void => this.#failed(id, error)
    pool.on('acquireSuccess', onSuccess)
    pool.on('acquireFail', onFail)
    overrides.onUndo(() => {
      pool.removeListener('acquireSuccess', onSuccess)
      pool.removeListener('acquireFail', onFail)
    })
  }

  waiters(): readonly Waiter[] {
    return Array.from(this.#waitingSince, ([id, since]) => ({ since, origin: this.#asked.get(id)?.origin }))
  }

  rejectWaiter(origin: Origin, error: Error): boolean {
    const asked = [...this.#asked.values()].find((one) => one.origin === origin)
    if (asked === undefined || asked.operation.isRejected) return false
    asked.operation.reject(error)
    return true
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
    const origin = this.#events.origin(above)
    const id = this.#pool.eventId
    this.#deliveredAtOnce = false
    const operation = this.#acquireHost.call(this.#pool)
    if (origin !== undefined) this.#asked.set(id, { origin, operation })
    // A caller that is served within this very call has not waited, and needs no clock.
    if (!this.#deliveredAtOnce) this.#waitingSince.set(id, this.#clock.now())
    return operation
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
    const answer = this.#events.lend(entry.resource)
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
    this.#deliveredAtOnce = true
    this.#pool._startReaping()
    waiter.resolve(entry.resource)
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

  /** Before all who were never asked for, and behind those who were put back before him. */
  #requeue(waiter: TarnOperation<C>): void {
    const place = ++this.#lastPlace
    this.#places.set(waiter, place)
    const waiting = this.#pool.pendingAcquires
    const index = waiting.findIndex((other) => (this.#places.get(other) ?? Infinity) > place)
    waiting.splice(index === -1 ? waiting.length : index, 0, waiter)
  }

  #release(connection: C): boolean {
    const pool = this.#pool
    const verdict = this.#events.returned(connection)
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

  #takeSince(id: number): number | undefined {
    if (this.#waitingSince.size === 0) return undefined
    const since = this.#waitingSince.get(id)
    this.#waitingSince.delete(id)
    return since
  }

  #takeOrigin(id: number): Origin | undefined {
    if (this.#asked.size === 0) return undefined
    const origin = this.#asked.get(id)?.origin
    this.#asked.delete(id)
    return origin
  }

  #failed(id: number, error: unknown): void {
    this.#asked.delete(id)
    const now = this.#clock.now()
    const waited = now - (this.#takeSince(id) ?? now)
    if (isTarnTimeout(error)) {
      // The host's error stays what it is, and says why in its cause.
      const cause = this.#events.explainTimeout(waited)
      Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true, enumerable: false })
    }
    this.#events.acquireFailed(error, waited, outcomeOf(error))
    this.#clock.afterInput(() => this.#recoverUndelivered())
  }

  /** A caller that left in the very moment of being served took nothing with him. */
  #recoverUndelivered(): void {
    const lost = this.#pool.used.filter(
      ({ resource }) => !this.#asking.has(resource) && this.#events.isUndelivered(resource),
    )
    for (const { resource } of lost) moveToFree(this.#pool, resource)
    if (lost.length > 0) serveAll(this.#pool)
  }
}

/** Of our own errors, what the user's code says is the answer of an attempt; the others turn callers away. */
const FAILURES: ReadonlySet<unknown> = new Set(['HOOK_FAILED', 'CREDENTIALS_FAILED'])

function outcomeOf(error: unknown): 'timedOut' | 'aborted' | 'refused' | 'failed' {
  if (isTarnTimeout(error)) return 'timedOut'
  if (isPoolkeeperError(error)) return FAILURES.has(error.code) ? 'failed' : 'refused'
  return error instanceof Error && error.message === 'aborted' ? 'aborted' : 'failed'
}

/** An acquire that fails before it began. */
function refused<C>(error: Error): TarnOperation<C> {
  return {
    promise: Promise.reject(error),
    isRejected: true,
    possibleTimeoutCause: null,
    abort: () => {},
    resolve: () => {},
    reject: () => {},
  }
}
