import type { Harm } from '../harm.ts'
import type { PoolPolicy } from '../policy/values.ts'
import type { FrameOwner, Origin } from '../origin.ts'
import { outcomeOf } from '../lending/acquire-outcome.ts'
import type {
  AcquireFailure,
  ConnectRefusal,
  HostCounts,
  LendAnswer,
  LendingEvents,
  LendingPort,
  Opening,
  Refusal,
  TransactionStatus,
  ValidationAnswer,
  Waiter,
} from '../port.ts'
import { Caller, SimulatedCallers } from './simulated-callers.ts'
import { SimulatedConnects } from './simulated-connects.ts'
import { harmOf, refusalOf, type SimulatedConnection as C, type SimulatedServer } from './simulated-server.ts'
import type { VirtualClock } from './virtual-clock.ts'

const NEVER = new Promise<never>(() => {})

/**
 * A pool as Node's libraries have it: first come, first served; the warmest connection is lent
 * first; grows on demand up to `max`, counting what is being opened and closed.
 */
export class SimulatedHost implements LendingPort<C> {
  readonly host = 'simulated pool'
  readonly replaceable = true
  readonly harmOf: (error: unknown) => Harm = harmOf
  readonly #clock: VirtualClock
  readonly #server: SimulatedServer
  readonly #callers: SimulatedCallers
  readonly #connects: SimulatedConnects
  #policy: PoolPolicy
  /** Nobody attends it before and after. */
  #events: LendingEvents<C> | undefined
  /** The coldest first. */
  readonly #idle: C[] = []
  /** Out of the idle list, for whatever reason. */
  readonly #used = new Set<C>()
  readonly #withdrawn = new Set<C>()
  readonly #asking = new Map<C, { connection: C; readonly caller: Caller }>()
  readonly #closing = new Map<C, Promise<void>>()
  readonly #broken = new WeakSet<C>()

  constructor(server: SimulatedServer, policy: PoolPolicy, clock: VirtualClock) {
    this.#server = server
    this.#policy = policy
    this.#clock = clock
    this.#callers = new SimulatedCallers(clock, (caller) => this.#timeOut(caller))
    this.#callers.list.configure(policy.acquireTimeoutMillis)
    this.#connects = new SimulatedConnects(server, clock)
  }

  attach(events: LendingEvents<C>): void {
    this.#events = events
  }

  acquire(above: FrameOwner = () => {}, signal?: AbortSignal): Promise<C> {
    if (signal?.aborted === true) {
      this.#events?.acquireFailed(signal.reason, 0, 'aborted')
      return rejected(signal.reason)
    }
    const refusal = this.#events?.admit()
    if (refusal !== undefined) return Promise.reject(refusal)
    const caller = new Caller(this.#events?.origin(above))
    if (this.#events?.wantsContext === true) caller.rememberContext()
    if (signal !== undefined) caller.heed(signal, () => this.#dismiss(caller, signal.reason, 'aborted'))
    this.#callers.add(caller)
    this.wake()
    return caller.promise
  }

  #timeOut(caller: Caller): void {
    const why = this.#events?.explainTimeout(caller.waitedMillis(this.#clock.now()))
    this.#dismiss(caller, why ?? new Error('acquire timed out'), 'timedOut')
  }

  /** `false` when nobody held it. */
  release(connection: C, above: FrameOwner = () => {}): boolean {
    const verdict = this.#events?.returned(connection, above)
    if (verdict === 'foreign' || !this.#used.has(connection)) return false
    if (verdict instanceof Promise) void this.#settleLater(connection, verdict)
    else this.#settleReturn(connection, verdict)
    return true
  }

  /** Its session is being restored: until then it is nobody's. */
  async #settleLater(connection: C, verdict: Promise<'keep' | 'retire'>): Promise<void> {
    this.#withdrawn.add(connection)
    this.#events?.settled()
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
  async query(connection: C, text: string): Promise<void> {
    if (this.#events?.wantsStatements === true) this.#events.asked(connection, text)
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
    while (this.#idle.length > 0 && this.#callers.queued > 0) this.#lend()
    while (this.#mayOpen()) this.#openForCaller()
  }

  #mayOpen(): boolean {
    if (this.#callers.queued <= this.#connects.count || this.#events?.mayOpen() === false) return false
    return this.#used.size + this.#idle.length + this.#connects.count + this.#closing.size < this.#policy.max
  }

  #openForCaller(): void {
    this.#connect((error, answer) => {
      const oldest = this.#callers.oldest()
      if (oldest !== undefined && answer === 'fail') this.#dismiss(oldest, error, 'failed')
    }).connection.then(
      () => this.wake(),
      () => this.wake(),
    )
  }

  #lend(): void {
    const caller = this.#callers.next() as Caller
    const connection = this.#idle.pop() as C
    this.#used.add(connection)
    const verdict = this.#events === undefined || caller.lend(this.#events, connection)
    if (verdict instanceof Promise) void this.#lendChecked(caller, connection, verdict)
    else this.#settle(caller, connection, verdict)
  }

  async #lendChecked(caller: Caller, connection: C, verdict: Promise<LendAnswer>): Promise<void> {
    const asked = { connection, caller }
    this.#asking.set(connection, asked)
    const answer = await verdict
    this.#asking.delete(asked.connection)
    this.#settle(caller, asked.connection, answer)
    this.wake()
  }

  #settle(caller: Caller, connection: C, answer: LendAnswer): void {
    const isWaiting = !caller.isGone
    if (answer === false) {
      void this.close(connection, false)
      if (isWaiting) this.#callers.backToFront(caller)
    } else if (answer !== true) {
      this.#turnAway(caller, connection, answer)
    } else if (isWaiting) {
      this.#callers.remove(caller)
      if (caller.since === this.#clock.now()) caller.since = undefined
      if (this.#events !== undefined) caller.acquired(this.#events, connection)
      caller.resolve(connection)
    } else this.#putBack(connection)
  }

  #turnAway(caller: Caller, connection: C, { error, keep }: Refusal): void {
    if (keep) this.#putBack(connection)
    else void this.close(connection, false)
    if (!caller.isGone) this.#dismiss(caller, error, outcomeOf(error))
  }

  #dismiss(caller: Caller, error: unknown, outcome: AcquireFailure): void {
    this.#callers.remove(caller)
    if (this.#events !== undefined) caller.failed(this.#events, error, caller.waitedMillis(this.#clock.now()), outcome)
    caller.reject(error)
    for (const asked of this.#asking.values()) if (asked.caller === caller) this.#events?.abandoned(asked.connection)
  }

  #putBack(connection: C): void {
    this.#used.delete(connection)
    this.#idle.push(connection)
  }

  /** For a caller, who is told of its failure; or for the keeper, who holds the connection. */
  #connect(onFailure?: (error: Error, answer: 'fail' | 'retry') => void): Opening<C> {
    const attempt = this.#events?.opening() ?? 0
    return this.#connects.start(this.#policy.connectTimeoutMillis, this.#events, {
      failed: (error) => {
        const answer = this.#events?.openFailed(attempt, error) ?? 'fail'
        onFailure?.(error, answer)
      },
      prepare: (connection) => {
        this.#server.watch(connection, (error) => this.#died(connection, error))
        return this.#events?.prepare(connection)
      },
      abandoned: (connection) => this.#events?.abandoned(connection),
      opened: (connection) => {
        if (onFailure === undefined) this.#hold(connection)
        else this.#idle.push(connection)
        this.#events?.opened(attempt, connection)
        // Its death came while nobody counted on it.
        if (this.#broken.has(connection)) this.#events?.died(connection, new Error('died while it was opened'))
      },
    })
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
      opening: this.#connects.count,
      closing: this.#closing.size,
      pending: this.#callers.list.count,
    }
  }

  idle(): readonly C[] {
    return this.#idle
  }

  lent(): readonly C[] {
    return [...this.#used].filter((connection) => !this.#withdrawn.has(connection) && !this.#asking.has(connection))
  }

  waiters(): readonly Waiter[] {
    return this.#callers.list.all()
  }

  postponeDeadlines(millis: number): void {
    this.#callers.list.postpone(millis)
  }

  configure(policy: PoolPolicy): void {
    this.#policy = policy
    this.#callers.list.configure(policy.acquireTimeoutMillis)
  }

  async validate(connection: C): Promise<ValidationAnswer> {
    await this.#server.ask(connection)
    if (this.#policy.validateRole === 'writable' && this.#server.isReadOnly) return 'wrongRole'
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

  isBusy(connection: C): boolean {
    return this.#server.isAsked(connection)
  }

  refusalOf(error: unknown): ConnectRefusal | undefined {
    return refusalOf(error)
  }

  open(): Opening<C> {
    return this.#connect()
  }

  abandonOpenings(before: number): void {
    this.#connects.abandon(before)
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
    const callers = this.#callers.list.all()
    for (const caller of callers) this.#dismiss(caller, error, outcomeOf(error))
    return callers.length
  }

  rejectWaiter(origin: Origin, error: Error): boolean {
    const caller = this.#callers.list.all().find((one) => one.origin === origin)
    if (caller !== undefined) this.#dismiss(caller, error, outcomeOf(error))
    return caller !== undefined
  }

  detach(): void {
    this.#events = undefined
    for (const connection of [...this.#withdrawn]) this.restore(connection)
    this.wake()
  }
}

/** With the caller's own reason, whatever it is. */
async function rejected(reason: unknown): Promise<never> {
  throw reason
}
