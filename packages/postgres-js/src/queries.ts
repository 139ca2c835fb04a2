import { type AcquireFailure, type SharedEvents, systemClock, type Waiter, Waiting, WaitingList } from '@poolkeeper/core'
import type { Gate } from './gate.ts'
import { NO_DEADLINE_MILLIS } from './host-settings.ts'
import { type PostgresQuery, type PostgresSql, type QueryHandler, type ReservedSql, watchQuery } from './postgres-host.ts'

/** Somebody who waits for a connection. */
class Caller extends Waiting {
  /** Hands him to postgres.js. */
  readonly start: () => void
  readonly refuse: (error: unknown) => void

  constructor(start: () => void, refuse: (error: unknown) => void) {
    super(undefined)
    this.start = start
    this.refuse = refuse
  }
}

export type QueryEvents = Pick<SharedEvents<Gate>, 'admit' | 'clear' | 'acquired' | 'acquireFailed' | 'explainTimeout' | 'wantsContext'>

export interface QueriesOptions {
  readonly handler: QueryHandler
  readonly reserve: PostgresSql['reserve']
  readonly events: QueryEvents
  readonly timeoutMillis: number
  /** Somebody has a connection for himself; told back when he gives it back. */
  onReserved(reserved: ReservedSql): void
}

/**
 * The door before the pool of postgres.js: a query goes in when all idle connections are known to be alive, for
 * nobody can say which of them it will get. In the ordinary case that is at once, and it costs a look.
 */
export class Queries {
  readonly #handler: QueryHandler
  readonly #reserve: PostgresSql['reserve']
  readonly #events: QueryEvents
  readonly #onReserved: QueriesOptions['onReserved']
  readonly #waiting = new WaitingList<Caller>(systemClock, (caller) => {
    this.#leave(caller, this.#events.explainTimeout(caller.waitedMillis(systemClock.now())), 'timedOut')
  })
  /** Those of them who have not been handed to postgres.js yet. */
  readonly #line = new Set<Caller>()
  /** Those of them who want a connection for themselves, and were handed over. */
  readonly #reserving = new Set<Caller>()
  #isServing = false
  #isOpen = true
  #blocks = 0
  #unblocked: () => void = () => {}

  constructor({ handler, reserve, events, timeoutMillis, onReserved }: QueriesOptions) {
    this.#handler = handler
    this.#reserve = reserve
    this.#events = events
    this.#onReserved = onReserved
    this.configure(timeoutMillis)
  }

  /** In the place of the instance's own handler. */
  readonly door: QueryHandler = (query) => {
    const refusal = this.#isOpen ? this.#events.admit() : undefined
    if (refusal !== undefined) query.reject(refusal)
    else if (this.#isOpen && !this.#isClear()) this.#queue(this.#enter(query))
    else this.#handOverNow(query)
  }

  reserve(): Promise<ReservedSql> {
    const refusal = this.#isOpen ? this.#events.admit() : undefined
    if (refusal !== undefined) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      const caller: Caller = new Caller(() => void this.#startReserve(caller, resolve), reject)
      this.#wait(caller)
      if (!this.#isOpen || this.#isClear()) caller.start()
      else this.#queue(caller)
    })
  }

  configure(timeoutMillis: number): void {
    this.#waiting.configure(inForce(timeoutMillis))
  }

  waiters(): readonly Waiter[] {
    return this.#waiting.all()
  }

  get count(): number {
    return this.#waiting.count
  }

  postpone(millis: number): void {
    this.#waiting.postpone(millis)
  }

  rejectWaiters(error: Error): number {
    const callers = this.#waiting.all()
    for (const caller of callers) this.#leave(caller, error, 'refused')
    return callers.length
  }

  /** Until it is lifted nothing is handed to postgres.js. */
  block(): () => void {
    this.#blocks++
    return () => {
      if (--this.#blocks === 0) this.#unblocked()
    }
  }

  wake(): void {
    if (!this.#isServing) void this.#serve()
  }

  /** Hands over everybody at once, and stands open from now on. */
  release(): void {
    this.#isOpen = false
    this.handOver()
    this.#unblocked()
  }

  #isClear(): boolean {
    return this.#line.size === 0 && this.#blocks === 0 && this.#events.clear() === true
  }

  #handOverNow(query: PostgresQuery): void {
    this.#handler(query)
    if (!this.#isOpen) return
    if (query.state === null) this.#enter(query)
    else this.#events.acquired(0)
  }

  /** A query that has to wait, before the door or behind it. */
  #enter(query: PostgresQuery): Caller {
    const refuse = (error: unknown): void => {
      query.reject(error)
      // As postgres.js itself cancels what waits: it is taken out of the queue, and the first error stands.
      query.cancel()
    }
    const caller = new Caller(() => this.#handler(query), refuse)
    this.#wait(caller)
    watchQuery(
      query,
      () => this.#acquired(caller),
      (error) => {
        this.#leave(caller, error, query.cancelled ? 'aborted' : 'failed', false)
      },
    )
    return caller
  }

  /**
   * A connection is at rest though somebody waits for one: postgres.js forgets who wants it for himself when he was in
   * its line while another connection was lost. It is asked anew, and gives him the connection at once; what it may
   * remember later is given back.
   */
  askAgain(): void {
    const [caller] = this.#reserving
    caller?.start()
  }

  get areReserving(): boolean {
    return this.#reserving.size > 0
  }

  async #startReserve(caller: Caller, resolve: (reserved: ReservedSql) => void): Promise<void> {
    this.#reserving.add(caller)
    try {
      const reserved = await this.#reserve()
      // Who left at his deadline does not want it any more.
      if (!this.#acquired(caller)) return reserved.release()
      if (this.#isOpen) this.#onReserved(reserved)
      resolve(reserved)
    } catch (error) {
      this.#leave(caller, error, 'failed')
    }
  }

  #wait(caller: Caller): void {
    if (this.#events.wantsContext) caller.rememberContext()
    this.#waiting.add(caller)
  }

  #acquired(caller: Caller): boolean {
    if (!this.#take(caller)) return false
    caller.sent(this.#events, caller.waitedMillis(systemClock.now()))
    return true
  }

  #leave(caller: Caller, error: unknown, outcome: AcquireFailure, isToBeTold = true): boolean {
    if (!this.#take(caller)) return false
    if (isToBeTold) caller.refuse(error)
    caller.failed(this.#events, error, caller.waitedMillis(systemClock.now()), outcome)
    return true
  }

  #take(caller: Caller): boolean {
    this.#line.delete(caller)
    this.#reserving.delete(caller)
    return this.#waiting.take(caller)
  }

  #queue(caller: Caller): void {
    this.#line.add(caller)
    this.wake()
  }

  async #serve(): Promise<void> {
    this.#isServing = true
    while (this.#line.size > 0) {
      const clear = this.#blocks > 0 ? new Promise<void>((resolve) => (this.#unblocked = resolve)) : this.#events.clear(this.#oldest())
      if (clear === true) this.handOver()
      else await clear
    }
    this.#isServing = false
  }

  #oldest(): number {
    return this.#waiting.first?.since ?? Infinity
  }

  /** Hands over everybody who is in the line. */
  handOver(): void {
    const callers = [...this.#line]
    this.#line.clear()
    for (const caller of callers) caller.start()
  }
}

/** Without a deadline there is no timer. */
function inForce(timeoutMillis: number): number {
  return timeoutMillis >= NO_DEADLINE_MILLIS ? Infinity : timeoutMillis
}
