import { tracingChannel } from 'node:diagnostics_channel'
// As a global it is an accessor, and costs a look-up at every use.
import process from 'node:process'
import { outcomeOf, type AcquireFailure, type Clock, type FrameOwner, type LendAnswer, type LendingEvents, type Origin } from '@poolkeeper/core'
import { inHostWords } from './host-errors.ts'
import { tell, tellEnqueued } from './host-events.ts'
import type { HostRules } from './host-rules.ts'
import { askTraced, markReleased, type GetConnectionCallback, type Mysql2Pool, type PoolConnection } from './mysql2-pool.ts'
import { Caller, Callers } from './callers.ts'

/** mysql2's own channel; versions that do not have it tell nobody. */
const POOL_CONNECT = tracingChannel('mysql2:pool:connect')

/** Tells a caller what the policy answers him in place of a connection. */
export type TurnAway = (callback: GetConnectionCallback, error: Error) => void

/** What acquiring and releasing need of their neighbours. */
export interface AcquireNeighbours {
  /** Connections that the keeper has taken out of the free list. */
  readonly withdrawn: Set<PoolConnection>
  isOpen(connection: PoolConnection): boolean
  close(connection: PoolConnection): Promise<void>
  /** Serves who waits, with what is there or what there is room to open. */
  readonly wake: () => void
  readonly hostRules: HostRules
  /** Attempts to connect under way. */
  readonly opening: () => number
  /** What `max` counts. */
  readonly sockets: () => number
  /** As mysql2 itself, where its own options ask for it. */
  reset(connection: PoolConnection): Promise<void>
  /** A connection was given back, and nobody waits for it; left out where nobody wants to know. */
  readonly freed: (() => void) | undefined
  readonly turnAway: TurnAway
}

/**
 * The way from a caller's wish to a connection in his hands, and back. Whoever asks, mysql2's own
 * `query` and `execute` included, asks here; who is not served at once stands in one queue, in the
 * order of his coming.
 */
export class Acquires {
  readonly callers: Callers
  readonly #pool: Mysql2Pool
  readonly #hostGetConnection: Mysql2Pool['getConnection']
  readonly #events: LendingEvents<PoolConnection>
  readonly #clock: Clock
  readonly #neighbours: AcquireNeighbours
  /** Lent, and in nobody's hands before the next tick; of connections that mysql2 does not mark. */
  readonly #undelivered = new Set<PoolConnection>()
  #isDetached = false

  constructor(
    pool: Mysql2Pool,
    events: LendingEvents<PoolConnection>,
    clock: Clock,
    neighbours: AcquireNeighbours,
  ) {
    this.#pool = pool
    this.#hostGetConnection = pool.getConnection
    this.#events = events
    this.#clock = clock
    this.#neighbours = neighbours
    this.callers = new Callers(pool._connectionQueue, clock, (caller) => this.#timedOut(caller))
  }

  /** Frames of the stack above `above` are of no interest. */
  getConnection(callback: GetConnectionCallback, above: FrameOwner): void {
    if (!POOL_CONNECT.hasSubscribers) this.#ask(callback, above)
    else askTraced(this.#pool, this.#hostGetConnection, callback, (traced) => this.#ask(traced, above))
  }

  #ask(callback: GetConnectionCallback, above: FrameOwner): void {
    const refusal = this.#events.admit()
    if (refusal !== undefined) {
      process.nextTick(this.#neighbours.turnAway, callback, inHostWords(refusal, this.#pool.config))
      return
    }
    const origin = this.#events.origin(above)
    const { _freeConnections: free } = this.#pool
    if (free.length === 0 || this.callers.queued > 0 || !this.#events.mayServe()) {
      this.#wait(callback, origin)
      return
    }
    const connection = free.pop() as PoolConnection
    const answer = this.#events.lend(connection)
    // A caller that is served within this very call has not waited, and needs no clock.
    if (answer === true) {
      this.#events.acquired(connection, undefined, origin)
      this.#deliver(callback, connection)
    } else this.#follow(this.#callerOf(callback, origin), connection, answer)
  }

  #wait(callback: GetConnectionCallback, origin: Origin | undefined): void {
    const { hostRules, opening, sockets, wake } = this.#neighbours
    const refusal = hostRules.areInForce ? hostRules.refusal(sockets(), this.callers.queued) : undefined
    if (refusal !== undefined) {
      this.#events.acquireFailed(refusal, 0, 'failed')
      process.nextTick(callback, refusal)
      return
    }
    this.callers.enqueue(this.#callerOf(callback, origin))
    const before = opening()
    wake()
    // Who has a connection opened for him waits for nobody's.
    if (opening() === before) tellEnqueued(this.#pool)
  }

  #callerOf(callback: GetConnectionCallback, origin: Origin | undefined): Caller {
    const caller = new Caller(callback, origin)
    if (this.#events.wantsContext) caller.rememberContext()
    return caller
  }

  /** Serves who waits with what is free. */
  serve(): void {
    const { _freeConnections: free } = this.#pool
    while (free.length > 0 && this.callers.queued > 0 && this.#events.mayServe()) {
      const caller = this.callers.next()
      const connection = free.pop() as PoolConnection
      const answer = caller.lend(this.#events, connection)
      if (answer === true) this.#serveCaller(caller, connection)
      else this.#follow(caller, connection, answer)
    }
  }

  #follow(caller: Caller, connection: PoolConnection, answer: LendAnswer | Promise<LendAnswer>): void {
    this.callers.ask(caller, connection)
    if (!(answer instanceof Promise)) this.#settle(caller, answer)
    else void answer.then((settled) => this.#settle(caller, settled))
  }

  #settle(caller: Caller, answer: LendAnswer): void {
    // By now it may be another connection, and that may have died.
    const connection = this.callers.answered(caller)
    if (connection === undefined) return
    if (this.#isDetached) this.#settleDetached(caller, connection)
    else if (answer !== true || !this.#neighbours.isOpen(connection)) this.#turnDown(caller, connection, answer)
    else if (caller.isGone) this.#keepFree(connection)
    else this.#serveCaller(caller, connection)
  }

  #settleDetached({ isGone, callback }: Caller, connection: PoolConnection): void {
    if (isGone) this.#pool.releaseConnection(connection)
    else process.nextTick(() => this.#handOver(callback, connection))
  }

  /** The caller gets another connection, or an error; the connection goes, or stays. */
  #turnDown(caller: Caller, connection: PoolConnection, answer: LendAnswer): void {
    const isRefusal = typeof answer === 'object'
    if (!caller.isGone) {
      if (isRefusal) this.#turnAway(caller, answer.error, outcomeOf(answer.error))
      else this.callers.requeue(caller)
    }
    if (isRefusal && answer.keep && this.#neighbours.isOpen(connection)) this.#pool._freeConnections.push(connection)
    else void this.#neighbours.close(connection)
    // Not within this call: who refuses everything must not starve the event loop.
    this.#clock.after(0, () => this.#neighbours.wake())
  }

  #serveCaller(caller: Caller, connection: PoolConnection): void {
    this.callers.served(caller)
    caller.acquired(this.#events, connection)
    this.#deliver(caller.callback, connection)
  }

  #deliver(callback: GetConnectionCallback, connection: PoolConnection): void {
    tell(this.#pool, 'acquire', connection)
    // Earlier versions have no mark.
    if (!markReleased(connection, true)) this.#undelivered.add(connection)
    // A closure costs less than arguments: for these, Node makes an array.
    process.nextTick(() => this.#handOver(callback, connection))
  }

  #handOver(callback: GetConnectionCallback, connection: PoolConnection): void {
    if (!markReleased(connection, false)) this.#undelivered.delete(connection)
    callback(null, connection)
  }

  /** Frames of the stack above `above` are of no interest. */
  releaseConnection(connection: PoolConnection, above: FrameOwner): void {
    // Whoever gives it back now gave it back before: the next caller has it, and does not know yet.
    if (this.#undelivered.size > 0 && this.#undelivered.has(connection)) return
    // mysql2's mark would keep a second release from us.
    markReleased(connection, false)
    const verdict = this.#events.returned(connection, above)
    if (verdict === 'foreign') return
    if (verdict === 'keep' && this.#neighbours.hostRules.resetsOnRelease) void this.#freeWhenRestored(connection, this.#reset(connection))
    else if (verdict === 'keep') this.#free(connection)
    else if (verdict === 'retire') void this.#neighbours.close(connection)
    else void this.#freeWhenRestored(connection, verdict)
    this.#events.settled()
  }

  /** Given back, and not free yet: until its session is clean it is nobody's. */
  async #freeWhenRestored(connection: PoolConnection, verdict: Promise<'keep' | 'retire'>): Promise<void> {
    const { withdrawn } = this.#neighbours
    withdrawn.add(connection)
    const isKept = (await verdict) === 'keep'
    // Closed meanwhile, by a drain or by its own death.
    if (!withdrawn.delete(connection)) return
    if (isKept) this.#free(connection)
    else void this.#neighbours.close(connection)
    this.#events.settled()
  }

  /** It was nobody's: there is nothing to tell. */
  #keepFree(connection: PoolConnection): void {
    this.#pool._freeConnections.push(connection)
    this.#neighbours.wake()
  }

  async #reset(connection: PoolConnection): Promise<'keep' | 'retire'> {
    return this.#neighbours.reset(connection).then(
      () => 'keep',
      () => 'retire',
    )
  }

  #free(connection: PoolConnection): void {
    this.#pool._freeConnections.push(connection)
    tell(this.#pool, 'release', connection)
    if (this.callers.queued > 0) this.#neighbours.wake()
    else this.#neighbours.freed?.()
  }

  /** A connect failed: that is the answer to the oldest of those who wait. */
  failOldest(error: unknown): void {
    const oldest = this.callers.oldest()
    if (oldest === undefined) return
    this.#dismiss(oldest, error, 'failed')
    process.nextTick(oldest.callback, error)
  }

  /** Answers everybody who waits, or the one who asked so; returns how many. */
  reject(error: Error, origin?: Origin): number {
    const waiting = this.callers.all().filter((caller) => origin === undefined || caller.origin === origin)
    const answer = inHostWords(error, this.#pool.config)
    for (const caller of waiting) this.#turnAway(caller, answer, outcomeOf(error))
    return waiting.length
  }

  #timedOut(caller: Caller): void {
    this.#turnAway(caller, this.#events.explainTimeout(caller.waitedMillis(this.#clock.now())), 'timedOut')
  }

  #turnAway(caller: Caller, error: Error, outcome: AcquireFailure): void {
    this.#dismiss(caller, error, outcome)
    process.nextTick(this.#neighbours.turnAway, caller.callback, error)
  }

  #dismiss(caller: Caller, error: unknown, outcome: AcquireFailure): void {
    const { asking } = caller
    this.callers.dismiss(caller)
    caller.failed(this.#events, error, caller.waitedMillis(this.#clock.now()), outcome)
    if (asking !== undefined) this.#events.abandoned(asking)
  }

  /** Callers from before the keeper's time: their callbacks stand in the queue. */
  adoptCallers(): void {
    const { _connectionQueue: queue } = this.#pool
    for (let left = queue.length; left > 0; left--) {
      this.callers.enqueue(new Caller(queue.shift() as GetConnectionCallback, undefined))
    }
  }

  /** Those who wait are mysql2's again; it serves them with what comes back, and at once with what is there. */
  detach(): void {
    this.#isDetached = true
    this.callers.configure(Infinity)
    const pool = this.#pool
    const { _connectionQueue: queue, _allConnections: all, _freeConnections: free } = pool
    for (const connection of free.toArray()) markReleased(connection, true)
    for (let left = queue.length; left > 0; left--) queue.push(this.callers.next().callback)
    while (queue.length > 0 && (free.length > 0 || all.length < pool.config.connectionLimit)) {
      pool.getConnection(queue.shift() as GetConnectionCallback)
    }
  }
}
