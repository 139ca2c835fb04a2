import { systemClock, type Clock } from '../clock.ts'
import type { CloseReason } from '../close-reason.ts'
import type { PoolCredentials } from '../credentials/pool-credentials.ts'
import type { PoolkeeperError } from '../errors.ts'
import type { Harm } from '../harm.ts'
import type { FrameOwner, Origin } from '../origin.ts'
import type { DrainOptions, DrainReport, PauseOptions, PoolKeeper, ReadyOptions, ResizeOptions } from '../keeper.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import type { PoolPolicy } from '../policy/values.ts'
import type { AcquireFailure, LendAnswer, LendingEvents, LendingPort } from '../port.ts'
import type { PoolObserver, SubscribeOptions } from '../reporter.ts'
import type { ForecastOptions, SizingForecast } from '../sizing/predictive/forecast.ts'
import { poolStateOf, type DurationBuckets, type DurationKind, type PoolStats } from '../stats.ts'
import { drainingError, explainTimeout, pausedError } from './acquire-errors.ts'
import { Checks } from './proof/checks.ts'
import { LendingContext } from './context.ts'
import { Deadlocks } from './holding/deadlocks.ts'
import { detachedPort } from './detached-port.ts'
import { Drain } from './operating/drain.ts'
import type { PoolExplanation } from './operating/explain.ts'
import type { PoolHealth } from './operating/health.ts'
import { Hooks } from './hooks.ts'
import { Incidents } from './proof/incidents.ts'
import { Leases } from './leases.ts'
import { Losses } from './proof/losses.ts'
import { NestedAcquires } from './holding/nested-acquires.ts'
import type { PoolCircuit } from './opening/circuit-breaker.ts'
import { Openings, STUCK_AFTER_MILLIS } from './opening/openings.ts'
import { Operations } from './operating/operations.ts'
import { Pressure } from './opening/pressure.ts'
import { Rivals } from './proof/rivals.ts'
import type { Tracking } from './holding/tracking.ts'
import { Sizer } from './upkeep/sizer.ts'
import { Upkeep } from './upkeep/upkeep.ts'
import { explanationOf, healthOf } from './operating/views.ts'

/** Time and chance, injected so that every decision can be replayed. */
export interface KeeperDependencies {
  readonly clock?: Clock
  /** One draw from [0, 1) for each connection. */
  readonly draw?: () => number
  /** Settles what was changed since the start against the host's options, for `reconfigure()`. */
  readonly resolve?: (changes: PoolPolicyOptions) => PoolPolicy
  /** Where several keepers attend parts of one pool. */
  readonly circuit?: PoolCircuit
}

/**
 * Attends one host pool that lends connections: hears of everything through `LendingEvents`,
 * decides by the policy's rules, and acts through the port.
 */
export class LendingKeeper<C extends object> implements PoolKeeper, LendingEvents<C> {
  readonly #context: LendingContext<C>
  readonly #openings: Openings<C>
  readonly #checks: Checks<C>
  readonly #pressure: Pressure<C>
  readonly #rivals: Rivals<C>
  readonly #upkeep: Upkeep<C>
  readonly #leases: Leases<C>
  readonly #losses: Losses<C>
  readonly #operations: Operations<C>
  readonly #hooks: Hooks<C>
  readonly #drain: Drain<C>
  readonly #deadlocks: Deadlocks<C>
  readonly #sizer: Sizer<C>

  constructor(port: LendingPort<C>, policy: PoolPolicy, dependencies: KeeperDependencies = {}) {
    const { circuit, clock = systemClock, draw = Math.random, resolve } = dependencies
    const context = new LendingContext(port, policy, clock, draw)
    const incidents = new Incidents<C>(context, () => this.#upkeep.mayTalk())
    const openings = new Openings(context, circuit)
    const checks: Checks<C> = new Checks(context, openings, (facts, error) => incidents.report(facts, error, checks))
    const pressure = new Pressure(context)
    const upkeep = new Upkeep(context, { checks, openings, incidents, pressure, leaks: () => this.#leases.leaks, size: () => this.#sizer.look() })
    this.#pressure = pressure
    this.#context = context
    this.#openings = openings
    this.#checks = checks
    this.#upkeep = upkeep
    this.#rivals = new Rivals(context, checks)
    this.#losses = new Losses(context, checks, incidents, () => this.#leases)
    this.#hooks = new Hooks(context, this.#losses)
    this.#leases = new Leases(context, { checks, incidents, upkeep, rivals: this.#rivals, hooks: this.#hooks })
    this.#operations = new Operations(context, upkeep, resolve)
    this.#sizer = new Sizer(context, this.#operations)
    this.#operations.sized = (next) => this.#sizer.over(next)
    this.#drain = new Drain(context, this.#hooks)
    context.mayConnect = () => openings.breaker.letsIn
    context.lagMillis = () => upkeep.lagMillis()
    this.#deadlocks = new Deadlocks(context)
    new NestedAcquires(context, () => this.#deadlocks.suspect())
  }

  get name(): string {
    return this.#context.policy.name
  }

  /** For adapters: where hosts ask, and within what. */
  get tracking(): Tracking<C> {
    return this.#context.tracking
  }

  get policy(): PoolPolicy {
    return this.#context.declared
  }

  stats(): PoolStats {
    const { counters, draining, generation, paused, policy } = this.#context
    const { name, min, max } = policy
    const { status: circuit } = this.#openings.breaker
    const counts = this.#context.counts()
    const state = poolStateOf(counts, draining !== false, paused !== false)
    return { name, state, min, max, generation, circuit, ...counts, ...counters.snapshot() }
  }

  durations(what: DurationKind, boundsMillis: readonly number[]): DurationBuckets {
    return this.#context.counters.durations(what, boundsMillis)
  }

  subscribe(observer: PoolObserver, options?: SubscribeOptions): () => void {
    return this.#context.reporter.subscribe(observer, options)
  }

  ready(options: ReadyOptions = {}): Promise<void> {
    return this.#operations.ready(options)
  }

  // Bad input rejects, and never throws beside the promise.
  resize(size: ResizeOptions): Promise<void> {
    return new Promise((resolve) => resolve(this.#sizer.byHand(() => this.#operations.resize(size))))
  }

  recycle(): Promise<void> {
    return this.#operations.recycle()
  }

  pause(options: PauseOptions = {}): void {
    this.#operations.pause(options)
  }

  resume(): void {
    this.#operations.resume()
  }

  reconfigure(changes: PoolPolicyOptions): void {
    this.#operations.reconfigure(changes)
    this.#sizer.reconfigured()
  }

  health(): PoolHealth {
    return healthOf(this.#context, this.#openings)
  }

  explain(): PoolExplanation {
    return explanationOf(this.#context, this.#checks, this.#openings)
  }

  forecast(options: ForecastOptions = {}): SizingForecast | undefined {
    return this.#sizer.forecast(options)
  }

  evictIdle(): Promise<number> {
    return this.#operations.evictIdle()
  }

  drain(options: DrainOptions = {}): Promise<DrainReport> {
    this.#upkeep.stop()
    this.#sizer.stop()
    return this.#drain.run(options)
  }

  detach(): void {
    const { port } = this.#context
    this.#upkeep.stop()
    this.#sizer.stop()
    this.#deadlocks.stop()
    this.#operations.release()
    this.#context.port = detachedPort(port)
    this.#rivals.release()
    this.#checks.release()
    this.#hooks.detach()
    port.detach()
  }

  /** Called once the port is in place: opens what the policy wants ahead. */
  start(): void {
    this.#sizer.start()
    if (this.#upkeep.keepsMinimum) this.#upkeep.soon()
  }

  admit(): PoolkeeperError | undefined {
    const { draining, counters, paused, policy } = this.#context
    if (policy.overflow > 0) this.#upkeep.wake(policy.overflowAfterMillis)
    if (!draining && paused !== 'fail') return this.#openings.breaker.isClosed ? this.#pressure.refusal() : this.#broken()
    counters.acquires.refused++
    return draining ? drainingError(this.#context) : pausedError(this.#context)
  }

  /** Connecting fails: who comes now is refused, or is the reason for a probe. */
  #broken(): PoolkeeperError | undefined {
    const refusal = this.#openings.breaker.refusal()
    this.#upkeep.wake(this.#openings.breaker.pauseLeft)
    return refusal ?? this.#pressure.refusal()
  }

  mayServe(): boolean {
    return this.#context.paused === false
  }

  mayOpen(): boolean {
    return this.#context.paused === false && this.#openings.mayOpen() && this.#pressure.mayOpen()
  }

  adopted(connection: C, isLent: boolean): void {
    const facts = this.#context.factsOf(connection)
    facts.held = isLent
    if (isLent) facts.lentAt = this.#context.clock.now()
    this.#upkeep.wake()
  }

  opening(): number {
    this.#upkeep.wake(STUCK_AFTER_MILLIS)
    return this.#openings.begin()
  }

  prepare(connection: C): Promise<void> | undefined {
    return this.#hooks.open(connection)
  }

  credentials(refused?: PoolCredentials): Promise<PoolCredentials | undefined> | undefined {
    return this.#context.credentials.forConnect(refused)
  }

  authenticated(connection: C, credentials: PoolCredentials): void {
    this.#context.authenticated(connection, credentials)
  }

  opened(attempt: number, connection: C): void {
    this.#openings.succeed(attempt, connection)
    const { used, idle, validating } = this.#context.counts()
    this.#context.mostAlive = Math.max(this.#context.mostAlive, used + idle + validating)
    this.#openNext()
    this.#upkeep.wake()
    this.#context.changed()
  }

  openFailed(attempt: number, error: unknown): 'fail' | 'retry' {
    const answer = this.#openings.fail(attempt, error)
    this.#openNext()
    this.#upkeep.wake(this.#openings.pauseLeft())
    this.#context.changed()
    return answer
  }

  /** A connect that is over may let the next one begin. */
  #openNext(): void {
    const { clock, policy, port } = this.#context
    // Not within the host's own call, which is not done with its books.
    if (policy.maxConcurrentCreates !== false) clock.after(0, () => port.wake())
  }

  lend(connection: C): LendAnswer | Promise<LendAnswer> {
    return this.#leases.lend(connection)
  }

  get wantsContext(): boolean {
    return this.#context.policy.onAcquire !== undefined || this.#context.reporter.wantsContext
  }

  abandoned(connection: C): void {
    this.#hooks.giveUp(connection)
  }

  origin(above: FrameOwner): Origin | undefined {
    return this.#context.tracking.origin(above)
  }

  acquired(connection: C, waitedSince: number | undefined, origin?: Origin): void {
    this.#leases.acquired(connection, waitedSince, origin)
  }

  heldThrough(connection: C, holder: object): void {
    this.#context.tracking.heldThrough(connection, holder)
  }

  get wantsStatements(): boolean {
    return this.#context.tracking.isOn
  }

  asked(connection: C, text: string): void {
    this.#losses.asked(connection, text)
  }

  acquireFailed(error: unknown, waitMillis: number, outcome: AcquireFailure): void {
    const { counters, reporter } = this.#context
    counters.acquires[outcome]++
    if (outcome === 'timedOut') this.#context.lastTimeoutAt = this.#context.clock.now()
    if (reporter.hears('acquireFailed')) reporter.emit('acquireFailed', { error, waitMillis })
    this.#context.changed()
  }

  explainTimeout(waitMillis: number): PoolkeeperError {
    return explainTimeout(this.#context, waitMillis)
  }

  answered(connection: C): void {
    this.#losses.answered(connection)
  }

  failed(connection: C, error: unknown, judged: Harm): void {
    this.#losses.failed(connection, error, judged)
  }

  died(connection: C, error: unknown): void {
    this.#losses.died(connection, error)
    this.#hooks.giveUp(connection)
  }

  returned(connection: C, above: FrameOwner): 'keep' | 'retire' | 'foreign' | Promise<'keep' | 'retire'> {
    return this.#leases.returned(connection, above)
  }

  closing(connection: C): boolean {
    const facts = this.#context.factsOf(connection)
    const { counters, draining, port } = this.#context
    if (facts.condemnedFor === undefined) {
      this.#context.condemn(facts, draining ? 'drain' : port.isBroken(connection) ? 'fatal' : 'host')
    }
    const reason = facts.condemnedFor ?? 'host'
    counters.closes[reason]++
    this.#checks.get(connection)?.forget()
    return facts.suspect || DEATHS.has(reason)
  }

  closed(connection: C): void {
    const { clock, ledger, reporter } = this.#context
    const facts = ledger.get(connection)
    ledger.forget(connection)
    if (facts !== undefined) this.#leases.left(connection, facts)
    if (facts !== undefined && reporter.hears('closed')) {
      const { id, openedAt, uses, condemnedFor = 'host' } = facts
      reporter.emit('closed', { connection: id, reason: condemnedFor, ageMillis: clock.now() - openedAt, uses })
    }
    this.#upkeep.gone(connection)
    this.#upkeep.wake(this.#upkeep.mayTalk() ? 0 : undefined)
    this.#context.changed()
  }

  proveReturned(connection: C): void {
    this.#checks.start(connection, 'return', 'keeper')
  }

  async shutdown(options?: DrainOptions): Promise<void> {
    await this.drain(options)
  }

  settled(): void {
    this.#leases.settled()
  }
}

/** The peer is gone, or did not answer in time. */
const DEATHS: ReadonlySet<CloseReason> = new Set(['invalid', 'stale', 'fatal', 'dirty', 'resetFailed'])
