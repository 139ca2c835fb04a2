import {
  Overrides,
  type Clock,
  type ConnectRefusal,
  type Harm,
  type HostCounts,
  type LendingEvents,
  type LendingPort,
  type Opening,
  type Origin,
  type PoolPolicy,
  type TransactionStatus,
  type ValidationAnswer,
  type Waiter,
} from '@poolkeeper/core'
import { mysql2Driver } from '@poolkeeper/drivers'
import type { TurnAway } from './acquires.ts'
import { removeFrom, type Mysql2Pool, type PoolConnection } from './mysql2-pool.ts'
import { buildParts, type Parts } from './parts.ts'

/**
 * The port for a callback pool of mysql2: answers what the keeper asks, and does what it decides,
 * with mysql2's own lists and methods.
 */
export class Mysql2Port implements LendingPort<PoolConnection> {
  readonly host = 'mysql2'
  readonly replaceable = true
  readonly #pool: Mysql2Pool
  readonly #clock: Clock
  readonly #overrides: Overrides<Mysql2Pool>
  /** Out of the free list by the keeper's wish, and in nobody's hands. */
  readonly #withdrawn = new Set<PoolConnection>()
  readonly #turnAway: TurnAway
  #policy: PoolPolicy
  #parts: Parts | undefined

  constructor(
    pool: Mysql2Pool,
    policy: PoolPolicy,
    clock: Clock,
    turnAway: TurnAway = (callback, error) => callback(error),
  ) {
    this.#turnAway = turnAway
    this.#pool = pool
    this.#policy = policy
    this.#clock = clock
    this.#overrides = new Overrides(pool)
  }

  /** Takes over mysql2's decisions: from here on the keeper is told and asked. */
  attach(events: LendingEvents<PoolConnection>): void {
    const pool = this.#pool
    const parts: Parts = buildParts(pool, events, this.#clock, {
      withdrawn: this.#withdrawn,
      policy: () => this.#policy,
      wake: () => this.wake(),
      restore: (connection) => this.restore(connection),
      isLent: (connection) => this.lent().includes(connection),
      sockets: () => this.#sockets(parts),
      reset: (connection) => this.restoreSession(connection, 'reset'),
      turnAway: this.#turnAway,
    })
    this.#parts = parts
    // Connections from before our time are watched and closed like all others.
    const free = pool._freeConnections.toArray()
    for (const connection of pool._allConnections.toArray()) {
      parts.closes.adopt(connection)
      events.adopted(connection, !free.includes(connection))
    }
    parts.acquires.adoptCallers()
    this.#override(parts)
  }

  #override({ events, acquires, closes, hostRules, idleLimit, opens }: Parts): void {
    const pool = this.#pool
    const overrides = this.#overrides
    const { end } = pool
    const getConnection: Mysql2Pool['getConnection'] = (callback) => acquires.getConnection(callback, getConnection)
    overrides.set('getConnection', getConnection)
    const releaseConnection: Mysql2Pool['releaseConnection'] = (connection) =>
      acquires.releaseConnection(connection, releaseConnection)
    overrides.set('releaseConnection', releaseConnection)
    overrides.set('_removeConnection', (connection) => {
      // The end of an attempt is told by its connect.
      if (!opens.isOpening(connection)) closes.left(connection)
    })
    overrides.set('end', (callback) => {
      // Not within the promise: what the callback throws is its caller's affair.
      void events.shutdown().then(() => process.nextTick(() => end.call(pool, callback)))
    })
    const limit = new Overrides(pool.config)
    limit.set('connectionLimit', this.#policy.max)
    overrides.onUndo(() => limit.undo())
    overrides.onUndo(() => hostRules.resume())
    overrides.onUndo(() => idleLimit.stop())
    this.configure(this.#policy)
  }

  /** Something else that has to be undone with the attachment. */
  onDetach(undo: () => void): void {
    this.#overrides.onUndo(undo)
  }

  counts(): HostCounts {
    const { _allConnections: all, _freeConnections: free } = this.#pool
    const { opens } = this.#parts ?? {}
    const withdrawn = this.#withdrawn.size
    return {
      used: all.length - free.length - (opens?.listed ?? 0) - withdrawn,
      withdrawn,
      idle: free.length,
      opening: opens?.count ?? 0,
      closing: this.#parts?.closes.count ?? 0,
      pending: this.#parts?.acquires.callers.count ?? 0,
    }
  }

  idle(): readonly PoolConnection[] {
    return this.#pool._freeConnections.toArray()
  }

  lent(): readonly PoolConnection[] {
    const { _allConnections: all, _freeConnections: free } = this.#pool
    const idle = new Set(free.toArray())
    return all
      .toArray()
      .filter(
        (connection) =>
          !idle.has(connection) &&
          !this.#withdrawn.has(connection) &&
          this.#parts?.acquires.callers.isAsking(connection) !== true &&
          this.#parts?.opens.isOpening(connection) !== true,
      )
  }

  waiters(): readonly Waiter[] {
    return this.#parts?.acquires.callers.all() ?? []
  }

  postponeDeadlines(millis: number): void {
    this.#parts?.acquires.callers.postpone(millis)
  }

  configure(policy: PoolPolicy): void {
    this.#policy = policy
    this.#pool.config.connectionLimit = policy.max
    const { acquires, hostRules } = this.#parts ?? {}
    hostRules?.configure(policy)
    // mysql2 itself lets callers wait for ever.
    acquires?.callers.configure(policy.mode === 'observe' ? Infinity : policy.acquireTimeoutMillis)
  }

  async validate(connection: PoolConnection): Promise<ValidationAnswer> {
    const { validateRole, validationQuery } = this.#policy
    if (validateRole === 'writable') return (await mysql2Driver.isWritable?.(connection)) === true ? undefined : 'wrongRole'
    await mysql2Driver.validate(connection, validationQuery)
  }

  transactionStatus(connection: PoolConnection): TransactionStatus | undefined {
    return this.#parts?.answers.transactionStatus(connection)
  }

  async restoreSession(connection: PoolConnection, how: 'rollback' | 'reset'): Promise<void> {
    await (how === 'reset' ? mysql2Driver.reset?.(connection) : mysql2Driver.rollback?.(connection))
    this.#parts?.answers.forget(connection)
  }

  isBroken(connection: PoolConnection): boolean {
    return mysql2Driver.isBroken(connection)
  }

  harmOf(error: unknown): Harm {
    return mysql2Driver.harmOf(error)
  }

  isBusy(connection: PoolConnection): boolean | undefined {
    return mysql2Driver.isBusy?.(connection)
  }

  refusalOf(error: unknown): ConnectRefusal | undefined {
    return mysql2Driver.refusalOf(error)
  }

  open(): Opening<PoolConnection> {
    if (this.#parts === undefined) throw new Error('the port is not attached')
    return this.#parts.opens.open()
  }

  abandonOpenings(before: number): void {
    this.#parts?.opens.abandon(before)
  }

  withdraw(connection: PoolConnection): boolean {
    if (!removeFrom(this.#pool._freeConnections, connection)) return false
    this.#withdrawn.add(connection)
    return true
  }

  restore(connection: PoolConnection): void {
    if (!this.#withdrawn.delete(connection)) return
    this.#pool._freeConnections.push(connection)
    this.wake()
  }

  exchange(silent: PoolConnection, proven: PoolConnection): void {
    this.#withdrawn.delete(proven)
    if (this.#parts?.closes.isOpen(silent) === true) this.#withdrawn.add(silent)
    this.#parts?.acquires.callers.exchange(silent, proven)
  }

  close(connection: PoolConnection, hard: boolean): Promise<void> {
    return this.#parts?.closes.close(connection, hard) ?? Promise.resolve()
  }

  wake(): void {
    const parts = this.#parts
    if (parts === undefined) return
    parts.acquires.serve()
    while (this.#mayOpen(parts)) parts.opens.openForCallers()
  }

  #mayOpen(parts: Parts): boolean {
    const { acquires, events, opens } = parts
    const { _allConnections: all, config } = this.#pool
    // Most often a pool under load is full, and nothing more has to be counted.
    if (all.length >= config.connectionLimit) return false
    return acquires.callers.queued > opens.count && this.#sockets(parts) < config.connectionLimit && events.mayOpen()
  }

  /** One that is being closed is a socket still; of itself, mysql2 does not count it. */
  #sockets({ closes, hostRules, opens }: Parts): number {
    const unlisted = opens.count - opens.listed
    return this.#pool._allConnections.length + unlisted + (hostRules.areInForce ? 0 : closes.count)
  }

  rejectWaiters(error: Error): number {
    return this.#parts?.acquires.reject(error) ?? 0
  }

  rejectWaiter(origin: Origin, error: Error): boolean {
    return this.#parts?.acquires.reject(error, origin) === 1
  }

  detach(): void {
    this.#overrides.undo()
    const { _freeConnections: free } = this.#pool
    for (const connection of this.#withdrawn) free.push(connection)
    this.#withdrawn.clear()
    this.#parts?.closes.detach()
    this.#parts?.opens.detach()
    this.#parts?.acquires.detach()
  }
}
