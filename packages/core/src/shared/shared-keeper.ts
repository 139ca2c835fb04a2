import { systemClock } from '../clock.ts'
import type { PoolCredentials } from '../credentials/pool-credentials.ts'
import type { PoolkeeperError } from '../errors.ts'
import type { Harm } from '../harm.ts'
import type { DrainOptions, DrainReport, PauseOptions, PoolKeeper, ReadyOptions } from '../keeper.ts'
import type { PoolExplanation } from '../lending/operating/explain.ts'
import type { PoolHealth } from '../lending/operating/health.ts'
import type { KeeperDependencies } from '../lending/lending-keeper.ts'
import type { FrameOwner } from '../origin.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import type { PoolPolicy } from '../policy/values.ts'
import type { AcquireFailure, ConnectRefusal } from '../port.ts'
import type { PoolObserver, SubscribeOptions } from '../reporter.ts'
import type { DurationBuckets, DurationKind, PoolStats } from '../stats.ts'
import { judge } from '../verdict.ts'
import { Attempts } from './attempts.ts'
import { SharedChecks } from './checks.ts'
import { SharedConnects } from './connects.ts'
import { SharedContext } from './context.ts'
import { SharedDrain } from './drain.ts'
import { SharedLogins } from './logins.ts'
import { SharedOperations } from './operations.ts'
import type { SharedEvents, SharedPort } from './shared-port.ts'
import { SharedUpkeep } from './upkeep.ts'
import { beginUse, endUse, reportDirty, reportReleasedTwice } from './uses.ts'
import { sharedExplanation, sharedHealth, sharedStats, whyWaiting } from './views.ts'

const CLEARED_FOR_MILLIS = 50

/**
 * Attends one pool whose connections are shared: hears of everything through `SharedEvents`, decides by
 * the policy's rules, and acts through the port.
 */
export class SharedKeeper<C extends object> implements PoolKeeper, SharedEvents<C> {
  readonly #context: SharedContext<C>
  readonly #checks: SharedChecks<C>
  readonly #logins: SharedLogins<C>
  readonly #connects: SharedConnects<C>
  readonly #upkeep: SharedUpkeep<C>
  readonly #drain: SharedDrain<C>
  readonly #operations: SharedOperations<C>
  readonly #attempts = new Attempts()

  constructor(port: SharedPort<C>, policy: PoolPolicy, dependencies: KeeperDependencies = {}) {
    const { circuit, clock = systemClock, draw = Math.random, resolve } = dependencies
    this.#context = new SharedContext(port, policy, clock, draw)
    this.#checks = new SharedChecks(this.#context, (connection, error) => this.#incident(connection, error))
    this.#logins = new SharedLogins(this.#context)
    this.#connects = new SharedConnects(this.#context, draw, circuit)
    const { breaker } = this.#connects
    this.#upkeep = new SharedUpkeep(this.#context, this.#checks, this.#logins, breaker)
    this.#drain = new SharedDrain(this.#context)
    this.#operations = new SharedOperations(this.#context, this.#upkeep, resolve)
    this.#context.changed = () => {
      this.#drain.changed()
      this.#operations.changed()
    }
  }

  get name(): string {
    return this.#context.policy.name
  }

  get policy(): PoolPolicy {
    return this.#context.policy
  }

  stats(): PoolStats {
    return sharedStats(this.#context, this.#connects.breaker.status)
  }

  durations(what: DurationKind, boundsMillis: readonly number[]): DurationBuckets {
    return this.#context.counters.durations(what, boundsMillis)
  }

  subscribe(observer: PoolObserver, options?: SubscribeOptions): () => void {
    return this.#context.reporter.subscribe(observer, options)
  }

  health(): PoolHealth {
    return sharedHealth(this.#context, this.#connects.breaker.status, this.#attempts.oldestAt)
  }

  explain(): PoolExplanation {
    return sharedExplanation(this.#context, this.#checks, this.#connects.breaker)
  }

  /** Nothing is lent, so nothing is sized. */
  forecast(): undefined {
    return undefined
  }

  /** Called once the port is in place: opens what the policy wants ahead. */
  start(): void {
    if (this.#context.keepsMinimum) this.#upkeep.wake(0)
  }

  ready(options: ReadyOptions = {}): Promise<void> {
    return this.#operations.ready(options)
  }

  resize(): Promise<void> {
    return Promise.reject(this.#context.unsupported(`${this.#context.port.host} settles its size when it is made: no resize()`))
  }

  evictIdle(): Promise<number> {
    return this.#operations.evictIdle()
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
  }

  drain(options: DrainOptions = {}): Promise<DrainReport> {
    this.#upkeep.stop()
    return this.#drain.run(options)
  }

  detach(): void {
    this.#operations.release()
    this.#upkeep.stop()
    this.#checks.release()
    this.#context.paused = false
    this.#context.changed()
    this.#context.port.detach()
  }

  admit(): PoolkeeperError | undefined {
    const { counters, draining, paused, policy, port } = this.#context
    this.#context.lastAcquireAt = this.#context.clock.now()
    const isFull = policy.maxPending !== false && port.waiters().length >= policy.maxPending && port.counts().used >= policy.max
    if (!draining && paused !== 'fail' && !isFull) return this.#connects.breaker.isClosed ? undefined : this.#broken()
    counters.acquires.refused++
    if (draining) return this.#context.drainingError()
    return paused === 'fail'
      ? this.#context.pausedError()
      : this.#context.error('POOL_EXHAUSTED', `has ${policy.maxPending} callers waiting already`)
  }

  /** Connecting fails: who comes now is refused, or is the reason for a probe. */
  #broken(): PoolkeeperError | undefined {
    const { breaker } = this.#connects
    const refusal = breaker.refusal()
    this.#upkeep.wake(breaker.pauseLeft)
    return refusal
  }

  mayOpen(): boolean {
    return this.#connects.breaker.letsIn
  }

  clear(since: number = Infinity): true | Promise<void> {
    this.#upkeep.look()
    if (this.#context.paused !== false) return this.#operations.until(() => this.#context.paused === false)
    const { port } = this.#context
    for (const connection of port.connections()) {
      if (port.isIdle(connection) && this.#mustProve(connection, since)) void this.#checks.start(connection, 'checkout')
    }
    return this.#checks.count === 0 ? true : this.#checks.settled()
  }

  mustProve(connection: C): boolean {
    // Between being cleared and being sent lie a few turns of the loop.
    return this.#mustProve(connection, this.#context.clock.now() - CLEARED_FOR_MILLIS)
  }

  #mustProve(connection: C, since: number): boolean {
    const { clock, rules, situation } = this.#context
    const facts = this.#context.factsOf(connection)
    if (facts.provenAt >= since && facts.provenGeneration === situation.generation && !facts.suspect) return false
    situation.now = clock.now()
    return judge(rules.checkout, facts, situation).action === 'validate'
  }

  prove(connection: C): Promise<void> {
    return this.#checks.start(connection, 'checkout')
  }

  credentials(refused?: PoolCredentials): Promise<PoolCredentials | undefined> | undefined {
    return this.#context.credentials.forConnect(refused)
  }

  authenticated(connection: C, credentials: PoolCredentials): void {
    this.#logins.authenticated(connection, credentials)
  }

  /** For the keeper of another part of the same pool: what this one has, is given, or asks for. */
  credentialsProvider(): () => Promise<PoolCredentials> {
    return this.#context.credentials.asProvider()
  }

  opening(): number {
    this.#upkeep.wake()
    return this.#attempts.begin(this.#context.clock.now())
  }

  opened(attempt: number, connection: C): void {
    const { clock, counters, ledger, reporter, situation } = this.#context
    const openMillis = this.#attempts.end(attempt, clock.now())
    const facts = ledger.open(connection, clock.now(), situation.generation)
    this.#context.lastOpenError = undefined
    this.#context.openFailures = 0
    this.#connects.succeeded()
    counters.opens.ok++
    counters.open.record(openMillis)
    if (reporter.hears('opened')) reporter.emit('opened', { connection: facts.id, openMillis })
    this.#context.changed()
  }

  openFailed(attempt: number, error: unknown, refusal?: ConnectRefusal): void {
    const { counters, reporter } = this.#context
    const openMillis = this.#attempts.end(attempt, this.#context.clock.now())
    this.#context.lastOpenError = error
    this.#context.openFailures++
    this.#connects.failed(openMillis, error, refusal)
    if (!this.#connects.breaker.isClosed) this.#upkeep.wake(this.#connects.breaker.pauseLeft)
    counters.opens.failed++
    if (reporter.hears('openFailed')) reporter.emit('openFailed', { error, openMillis })
    this.#context.changed()
  }

  openAbandoned(attempt: number): void {
    this.#attempts.end(attempt, this.#context.clock.now())
    this.#context.changed()
  }

  get wantsContext(): boolean {
    return this.#context.reporter.wantsContext
  }

  acquired(waitMillis: number): void {
    const { counters } = this.#context
    counters.acquires.ok++
    if (waitMillis === 0) counters.wait.recordZero()
    else counters.wait.record(waitMillis)
    if (waitMillis > 0) this.#context.changed()
  }

  acquireFailed(error: unknown, waitMillis: number, outcome: AcquireFailure): void {
    const { clock, counters, reporter } = this.#context
    counters.acquires[outcome]++
    if (outcome === 'timedOut') this.#context.lastTimeoutAt = clock.now()
    if (reporter.hears('acquireFailed')) reporter.emit('acquireFailed', { error, waitMillis })
    this.#context.changed()
  }

  explainTimeout(waitMillis: number): PoolkeeperError {
    const { code, why } = whyWaiting(this.#context)
    return this.#context.error(code, `gave no connection within ${Math.round(waitMillis)} ms: ${why}`)
  }

  busy(connection: C): void {
    beginUse(this.#context, this.#context.factsOf(connection))
  }

  answered(connection: C): void {
    const facts = this.#context.ledger.get(connection)
    if (facts === undefined) return
    facts.provenAt = this.#context.clock.now()
    facts.provenGeneration = this.#context.situation.generation
  }

  rested(connection: C, wasAnswered = true): void {
    const facts = this.#context.ledger.get(connection)
    if (facts === undefined) return
    if (wasAnswered) this.answered(connection)
    endUse(this.#context, facts)
    this.#context.changed()
  }

  dirty(connection: C, status: 'open' | 'failed'): boolean {
    return reportDirty(this.#context, connection, status)
  }

  uncleaned(connection: C): void {
    const facts = this.#context.ledger.get(connection)
    if (facts !== undefined) this.#context.condemn(facts, 'dirty')
  }

  misused(connection: C | undefined, above: FrameOwner): void {
    reportReleasedTwice(this.#context, connection, above)
  }

  failed(connection: C, error: unknown, harm: Harm): void {
    const facts = this.#context.ledger.get(connection)
    if (facts === undefined || harm === 'statement') return
    facts.suspect = true
    this.#context.condemn(facts, 'fatal')
    if (harm === 'server') this.#incident(connection, error)
  }

  closed(connection: C, reason: 'fatal' | 'host' | 'idle' | 'maxLifetime', error?: unknown): void {
    const { clock, counters, draining, ledger, reporter } = this.#context
    const facts = ledger.get(connection)
    if (facts === undefined) return
    if (reason === 'fatal' && facts.condemnedFor === undefined) this.failed(connection, error, 'server')
    this.#context.condemn(facts, draining ? 'drain' : reason)
    endUse(this.#context, facts)
    ledger.forget(connection)
    this.#checks.forget(connection)
    const { condemnedFor = reason, id, openedAt, uses } = facts
    counters.closes[condemnedFor]++
    if (reporter.hears('closed')) {
      reporter.emit('closed', { connection: id, reason: condemnedFor, ageMillis: clock.now() - openedAt, uses })
    }
    this.#upkeep.wake()
    this.#context.changed()
  }

  ending(): PoolkeeperError {
    const { paused, port } = this.#context
    this.#context.draining = true
    const error = this.#context.drainingError()
    if (paused !== false) port.rejectWaiters(error)
    this.#upkeep.stop()
    return error
  }

  /** One death condemns its peers: what was proven before it proves itself again. Once for each incident. */
  #incident(victim: C, cause: unknown): void {
    const { policy, port, reporter, situation } = this.#context
    if (this.#context.factsOf(victim).provenGeneration < situation.generation) return
    situation.generation++
    if (reporter.hears('generationBumped')) reporter.emit('generationBumped', { generation: situation.generation, cause })
    if (!this.#context.mayTalk() || policy.validateAfterIdleMillis === false) return
    for (const connection of [...port.connections()]) {
      if (connection !== victim && port.isIdle(connection)) void this.#checks.start(connection, 'incident')
    }
  }
}
