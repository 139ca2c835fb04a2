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
import { TarnAcquires } from './tarn-acquires.ts'
import { TarnCloses } from './tarn-closes.ts'
import { TarnCreates } from './tarn-creates.ts'
import type { TarnHost } from './tarn-host.ts'
import { moveToFree, moveToUsed, serveAll, strikeOff, type TarnPool } from './tarn-pool.ts'

/**
 * The port for a tarn pool: answers what the keeper asks, and does what it decides, with tarn's
 * own lists and methods.
 */
export class TarnPort<C extends object> implements LendingPort<C> {
  readonly host: string
  readonly replaceable: boolean
  readonly #pool: TarnPool<C>
  readonly #overrides: Overrides<TarnPool<C>>
  readonly #tarn: TarnHost<C>
  readonly #clock: Clock
  /** Out of tarn's free list by the keeper's wish; tarn counts them as used. */
  readonly #withdrawn = new Set<C>()
  /** The policy only observes: tarn goes by its own rules. */
  #isObserving = false
  #acquires: TarnAcquires<C> | undefined
  #creates: TarnCreates<C> | undefined
  #closes: TarnCloses<C> | undefined

  constructor(pool: TarnPool<C>, tarn: TarnHost<C>, clock: Clock) {
    this.host = tarn.name
    this.replaceable = tarn.replaceable
    this.#pool = pool
    this.#tarn = tarn
    this.#clock = clock
    this.#overrides = new Overrides(pool)
  }

  /** Takes over tarn's decisions: from here on the keeper is told and asked. */
  attach(events: LendingEvents<C>, policy: PoolPolicy): void {
    const pool = this.#pool
    const overrides = this.#overrides
    this.#isObserving = policy.mode === 'observe'
    overrides.set('min', policy.min)
    overrides.set('max', policy.max)
    overrides.set('createTimeoutMillis', policy.connectTimeoutMillis)
    const closes = new TarnCloses(pool, overrides, this.#tarn, events, this.#clock)
    this.#closes = closes
    this.#creates = new TarnCreates(pool, overrides, this.#tarn, events, this.#clock, {
      adopt: (connection) => closes.adopt(connection),
      hold: (connection) => this.withdraw(connection),
      destroyUnready: (connection) => closes.destroyUnready(connection),
      // Of itself, tarn does not count them.
      closing: () => (this.#isObserving ? 0 : closes.count),
    })
    this.#acquires = new TarnAcquires(pool, overrides, this.#tarn, events, this.#clock, policy, {
      withdrawn: this.#withdrawn,
      close: (connection) => closes.close(connection, false),
    })
    // Idle connections are the keeper's to close; the rest of a reaping is tarn's.
    const { check } = pool
    overrides.set('check', () => {
      if (this.#isObserving) check.call(pool)
      else if (pool.isEmpty()) pool._stopReaping()
    })
    const destroy = pool.destroy
    overrides.set('destroy', async () => {
      await events.shutdown()
      // tarn waits for used connections without limit; the keeper has waited long enough.
      for (const { resource } of [...pool.used]) void this.close(resource, true)
      return destroy.call(pool)
    })
    // Connections from before our time are watched and closed like all others.
    for (const { resource } of pool.free) this.#adopt(resource, events, false)
    for (const { resource } of pool.used) this.#adopt(resource, events, true)
  }

  #adopt(connection: C, events: LendingEvents<C>, isLent: boolean): void {
    this.#closes?.adopt(connection)
    events.adopted(connection, isLent)
  }

  /** Something else that has to be undone with the attachment. */
  onDetach(undo: () => void): void {
    this.#overrides.onUndo(undo)
  }

  counts(): HostCounts {
    const { free, used, pendingAcquires, pendingCreates, pendingValidations } = this.#pool
    return {
      used: used.length - this.#withdrawn.size,
      withdrawn: this.#withdrawn.size,
      idle: free.length,
      opening: pendingCreates.length,
      closing: this.#closes?.count ?? 0,
      pending: pendingAcquires.length + pendingValidations.length,
    }
  }

  idle(): readonly C[] {
    return this.#pool.free.map((entry) => entry.resource)
  }

  lent(): readonly C[] {
    return this.#pool.used
      .map((entry) => entry.resource)
      .filter((connection) => !this.#withdrawn.has(connection) && this.#acquires?.isAsking(connection) !== true)
  }

  waiters(): readonly Waiter[] {
    return this.#acquires?.waiters() ?? []
  }

  postponeDeadlines(millis: number): void {
    this.#acquires?.postponeDeadlines(millis)
  }

  configure(policy: PoolPolicy): void {
    this.#isObserving = policy.mode === 'observe'
    this.#pool.min = policy.min
    this.#pool.max = policy.max
    this.#pool.createTimeoutMillis = policy.connectTimeoutMillis
    this.#acquires?.configure(policy)
  }

  validate(connection: C): Promise<ValidationAnswer> {
    return this.#tarn.validate(connection)
  }

  transactionStatus(connection: C): TransactionStatus | undefined {
    return this.#tarn.transactionStatus(connection)
  }

  restoreSession(connection: C, how: 'rollback' | 'reset'): Promise<void> {
    return this.#tarn.restoreSession(connection, how)
  }

  isBroken(connection: C): boolean {
    return this.#tarn.isBroken(connection)
  }

  harmOf(error: unknown): Harm {
    return this.#tarn.harmOf(error)
  }

  isBusy(connection: C): boolean | undefined {
    return this.#tarn.isBusy(connection)
  }

  refusalOf(error: unknown): ConnectRefusal | undefined {
    return this.#tarn.refusalOf(error)
  }

  open(): Opening<C> {
    if (this.#creates === undefined) throw new Error('the port is not attached')
    return this.#creates.open()
  }

  abandonOpenings(before: number): void {
    this.#creates?.abandon(before)
  }

  withdraw(connection: C): boolean {
    if (!moveToUsed(this.#pool, connection)) return false
    this.#withdrawn.add(connection)
    return true
  }

  restore(connection: C): void {
    this.#withdrawn.delete(connection)
    if (moveToFree(this.#pool, connection)) this.wake()
  }

  exchange(silent: C, proven: C): void {
    this.#withdrawn.delete(proven)
    this.#withdrawn.add(silent)
    this.#acquires?.exchange(silent, proven)
  }

  close(connection: C, hard: boolean): Promise<void> {
    this.#withdrawn.delete(connection)
    strikeOff(this.#pool, connection)
    return this.#closes?.close(connection, hard) ?? Promise.resolve()
  }

  wake(): void {
    serveAll(this.#pool)
  }

  rejectWaiters(error: Error): number {
    const waiters = [...this.#pool.pendingAcquires, ...this.#pool.pendingValidations]
    for (const waiter of waiters) waiter.reject(error)
    return waiters.length
  }

  rejectWaiter(origin: Origin, error: Error): boolean {
    return this.#acquires?.rejectWaiter(origin, error) ?? false
  }

  detach(): void {
    this.#closes?.detach()
    this.#overrides.undo()
    for (const connection of [...this.#withdrawn]) this.restore(connection)
    this.wake()
  }
}
