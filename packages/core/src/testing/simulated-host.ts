import { PoolkeeperError } from '../errors.ts'
import type { PoolPolicy } from '../policy/values.ts'
import type { HostCounts, LendingEvents, LendingPort, Opening, TransactionStatus } from '../port.ts'
import type { Timer } from '../clock.ts'
import { isLimitRefusal, type SimulatedConnection as C, type SimulatedServer } from './simulated-server.ts'
import type { VirtualClock } from './virtual-clock.ts'

interface Waiter {
  readonly since: number
  readonly deadline: Timer
  readonly resolve: (connection: C) => void
  readonly reject: (error: unknown) => void
}

interface Attempt {
  readonly startedAt: number
  abandoned: boolean
  connection: Promise<C>
  fail: (error: Error) => void
}

const NEVER = new Promise<never>(() => {})

/**
 * A pool as Node's libraries have it: first come, first served; the warmest connection is lent
 * first; grows on demand up to `max`, counting what is being opened and closed.
 */
export class SimulatedHost implements LendingPort<C> {
  readonly host = 'simulated pool'
  readonly replaceable = true
  readonly #clock: VirtualClock
  readonly #server: SimulatedServer
  #policy: PoolPolicy
  /** Nobody attends it before and after. */
  #events: LendingEvents<C> | undefined
  /** The coldest first. */
  readonly #idle: C[] = []
  /** Out of the idle list, for whatever reason. */
  readonly #used = new Set<C>()
  readonly #withdrawn = new Set<C>()
  readonly #asking = new Map<C, { connection: C }>()
  readonly #closing = new Map<C, Promise<void>>()
  readonly #broken = new WeakSet<C>()
  readonly #attempts = new Set<Attempt>()
  /** Everybody who waits; in the queue are those for whom nothing is being checked. */
  readonly #waiters = new Set<Waiter>()
  readonly #queue: Waiter[] = []

  constructor(server: SimulatedServer, policy: PoolPolicy, clock: VirtualClock) {
    this.#server = server
    this.#policy = policy
    this.#clock = clock
  }

  attach(events: LendingEvents<C>): void {
    this.#events = events
  }

  acquire(): Promise<C> {
    const refusal = this.#events?.admit()
    if (refusal !== undefined) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      const since = this.#clock.now()
      const deadline = this.#clock.after(this.#policy.acquireTimeoutMillis, () => {
        const why = this.#events?.explainTimeout(this.#clock.now() - since)
        this.#dismiss(waiter, why ?? new Error('acquire timed out'), 'timedOut')
      })
      const waiter: Waiter = { since, deadline, resolve, reject }
      this.#waiters.add(waiter)
      this.#queue.push(waiter)
      this.wake()
    })
  }

  /** `false` when nobody held it. */
  release(connection: C): boolean {
    if (!this.lent().includes(connection)) return false
    const verdict = this.#events?.returned(connection)
    if (verdict === 'foreign') return false
    if (verdict instanceof Promise) void this.#settleLater(connection, verdict)
    else this.#settleReturn(connection, verdict)
    return true
  }

  /** Its session is being restored: until then it is nobody's. */
  async #settleLater(connection: C, verdict: Promise<'keep' | 'retire'>): Promise<void> {
    this.#withdrawn.add(connection)
    const decided = await verdict
    if (this.#withdrawn.delete(connection)) this.#settleReturn(connection, decided)
  }

  #settleReturn(connection: C, verdict: 'keep' | 'retire' | undefined): void {
    if (verdict === 'retire') void this.close(connection, false)
    else this.#putBack(connection)
    this.wake()
    this.#events?.settled()
  }

  /** A round trip of the holder's own. */
  async query(connection: C): Promise<void> {
    try {
      await this.#server.ask(connection)
      this.#events?.answered(connection)
    } catch (error) {
      this.#events?.failed(connection, error, 'connection')
      throw error
    }
  }

  wake(): void {
    if (this.#events?.mayServe() === false) return
    for (let waiter = this.#next(); waiter !== undefined; waiter = this.#next()) this.#lend(waiter)
    while (this.#mayOpen()) this.#openForWaiter()
  }

  #mayOpen(): boolean {
    if (this.#queue.length <= this.#attempts.size || this.#events?.mayOpen() === false) return false
    return this.#sockets() < this.#policy.max
  }

  #sockets(): number {
    return this.#used.size + this.#idle.length + this.#attempts.size + this.#closing.size
  }

  #next(): Waiter | undefined {
    return this.#idle.length > 0 ? this.#queue.shift() : undefined
  }

  #lend(waiter: Waiter): void {
    const connection = this.#idle.pop() as C
    this.#used.add(connection)
    const verdict = this.#events?.lend(connection) ?? true
    if (typeof verdict === 'boolean') this.#settle(waiter, connection, verdict)
    else void this.#lendChecked(waiter, connection, verdict)
  }

  async #lendChecked(waiter: Waiter, connection: C, verdict: Promise<boolean>): Promise<void> {
    const asked = { connection }
    this.#asking.set(connection, asked)
    const mayLend = await verdict
    this.#asking.delete(asked.connection)
    this.#settle(waiter, asked.connection, mayLend)
    this.wake()
  }

  #settle(waiter: Waiter, connection: C, mayLend: boolean): void {
    const isWaiting = this.#waiters.has(waiter)
    if (!mayLend) {
      void this.close(connection, false)
      if (isWaiting) this.#queue.unshift(waiter)
    } else if (isWaiting) {
      this.#forget(waiter)
      this.#events?.acquired(connection, waiter.since === this.#clock.now() ? undefined : waiter.since)
      waiter.resolve(connection)
    } else this.#putBack(connection)
  }

  #dismiss(waiter: Waiter, error: unknown, outcome: 'timedOut' | 'refused' | 'failed'): void {
    this.#forget(waiter)
    this.#events?.acquireFailed(error, this.#clock.now() - waiter.since, outcome)
    waiter.reject(error)
  }

  #forget(waiter: Waiter): void {
    waiter.deadline.cancel()
    this.#waiters.delete(waiter)
    const index = this.#queue.indexOf(waiter)
    if (index !== -1) this.#queue.splice(index, 1)
  }

  #putBack(connection: C): void {
    this.#used.delete(connection)
    this.#idle.push(connection)
  }

  #openForWaiter(): void {
    const attempt = this.#connect(false)
    attempt.connection.then(
      () => this.wake(),
      (error: unknown) => {
        const [oldest] = this.#queue
        if (oldest !== undefined && !attempt.abandoned) this.#dismiss(oldest, error, 'failed')
        this.wake()
      },
    )
  }

  #connect(isHeld: boolean): Attempt {
    const number = this.#events?.opening() ?? 0
    const { connection, abort } = this.#server.connect()
    const { connectTimeoutMillis } = this.#policy
    const attempt: Attempt = { startedAt: this.#clock.now(), abandoned: false, connection: NEVER, fail: () => {} }
    this.#attempts.add(attempt)
    attempt.connection = new Promise((resolve, reject) => {
      attempt.fail = (error) => {
        if (!this.#end(attempt, deadline)) return
        abort()
        this.#events?.openFailed(number, error)
        reject(error)
      }
      const deadline = this.#clock.after(connectTimeoutMillis, () => attempt.fail(new Error('connect timed out')))
      connection.then((opened) => {
        if (this.#end(attempt, deadline)) resolve(this.#enter(opened, number, isHeld))
        else void this.#server.close(opened, true)
      }, attempt.fail)
    })
    return attempt
  }

  #end(attempt: Attempt, deadline: Timer): boolean {
    deadline.cancel()
    return this.#attempts.delete(attempt)
  }

  #enter(connection: C, attempt: number, isHeld: boolean): C {
    this.#server.watch(connection, (error) => this.#died(connection, error))
    if (isHeld) this.#hold(connection)
    else this.#idle.push(connection)
    this.#events?.opened(attempt, connection)
    return connection
  }

  #died(connection: C, error: Error): void {
    this.#broken.add(connection)
    if (!this.#closing.has(connection)) this.#events?.died(connection, error)
  }

  #hold(connection: C): void {
    this.#used.add(connection)
    this.#withdrawn.add(connection)
  }

  counts(): HostCounts {
    return {
      used: this.#used.size - this.#withdrawn.size,
      withdrawn: this.#withdrawn.size,
      idle: this.#idle.length,
      opening: this.#attempts.size,
      closing: this.#closing.size,
      pending: this.#waiters.size,
    }
  }

  idle(): readonly C[] {
    return this.#idle
  }

  lent(): readonly C[] {
    return [...this.#used].filter((connection) => !this.#withdrawn.has(connection) && !this.#asking.has(connection))
  }

  waitingSince(): readonly number[] {
    return [...this.#waiters].map(({ since }) => since)
  }

  configure(policy: PoolPolicy): void {
    this.#policy = policy
  }

  validate(connection: C): Promise<void> {
    return this.#server.ask(connection)
  }

  transactionStatus(connection: C): TransactionStatus | undefined {
    return this.#server.transactionOf(connection)
  }

  async restoreSession(connection: C): Promise<void> {
    await this.#server.ask(connection)
    this.#server.setTransaction(connection, 'idle')
  }

  isBroken(connection: C): boolean {
    return this.#broken.has(connection)
  }

  isLimitRefusal(error: unknown): boolean {
    return isLimitRefusal(error)
  }

  open(): Opening<C> {
    const attempt = this.#connect(true)
    return { connection: attempt.connection, abandon: () => this.#abandon(attempt) }
  }

  abandonOpenings(before: number): void {
    for (const attempt of this.#attempts) if (attempt.startedAt < before) this.#abandon(attempt)
  }

  #abandon(attempt: Attempt): void {
    attempt.abandoned = true
    attempt.fail(new PoolkeeperError('CONNECT_FAILED', 'the attempt to connect was given up'))
  }

  withdraw(connection: C): boolean {
    const index = this.#idle.indexOf(connection)
    if (index === -1) return false
    this.#idle.splice(index, 1)
    this.#hold(connection)
    return true
  }

  restore(connection: C): void {
    if (!this.#withdrawn.delete(connection)) return
    this.#putBack(connection)
    this.wake()
  }

  exchange(silent: C, proven: C): void {
    const asked = this.#asking.get(silent)
    if (asked === undefined) return
    asked.connection = proven
    this.#asking.delete(silent)
    this.#asking.set(proven, asked)
    this.#withdrawn.delete(proven)
    this.#withdrawn.add(silent)
  }

  close(connection: C, hard: boolean): Promise<void> {
    const running = this.#closing.get(connection)
    if (running !== undefined || !this.#strikeOff(connection)) return running ?? Promise.resolve()
    // In the books before anybody hears of it, so that nobody counts one connection too few.
    this.#closing.set(connection, NEVER)
    const isDead = this.#events?.closing(connection) === true
    const closing = this.#server.close(connection, hard || isDead).then(() => this.#closed(connection))
    this.#closing.set(connection, closing)
    return closing
  }

  #closed(connection: C): void {
    this.#closing.delete(connection)
    this.#events?.closed(connection)
    this.wake()
  }

  /** `false` when it is not in the books. */
  #strikeOff(connection: C): boolean {
    const index = this.#idle.indexOf(connection)
    if (index !== -1) this.#idle.splice(index, 1)
    this.#withdrawn.delete(connection)
    return this.#used.delete(connection) || index !== -1
  }

  rejectWaiters(error: Error): number {
    const waiters = [...this.#waiters]
    for (const waiter of waiters) this.#dismiss(waiter, error, 'refused')
    return waiters.length
  }

  detach(): void {
    this.#events = undefined
    for (const connection of [...this.#withdrawn]) this.restore(connection)
  }
}
