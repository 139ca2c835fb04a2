import { systemClock, type Clock } from '../clock.ts'
import type { CloseReason } from '../close-reason.ts'
import { PoolkeeperError } from '../errors.ts'
import type { DrainOptions, DrainReport, PauseOptions, PoolKeeper, ReadyOptions, ResizeOptions } from '../keeper.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import type { PoolPolicy } from '../policy/values.ts'
import type { LendingEvents, LendingPort } from '../port.ts'
import type { PoolObserver } from '../reporter.ts'
import type { PoolStats } from '../stats.ts'
import type { Harm } from '../harm.ts'
import { judge } from '../verdict.ts'
import { drainingError, explainTimeout, pausedError, whyWaiting } from './acquire-errors.ts'
import { Checks } from './checks.ts'
import { LendingContext, type Facts } from './context.ts'
import { Drain } from './drain.ts'
import { explainConnection, type ConnectionExplanation, type PoolExplanation } from './explain.ts'
import { FreezeWatch } from './freeze.ts'
import { judgeHealth, type PoolHealth } from './health.ts'
import { Incidents } from './incidents.ts'
import { Openings, STUCK_AFTER_MILLIS } from './openings.ts'
import { Operations } from './operations.ts'
import { Returns } from './returns.ts'
import { Rivals } from './rivals.ts'
import { Upkeep } from './upkeep.ts'

/** Time and chance, injected so that every decision can be replayed. */
export interface KeeperDependencies {
  readonly clock?: Clock
  /** One draw from [0, 1) for each connection. */
  readonly draw?: () => number
  /** Settles changed options against the host's, for `reconfigure()`. */
  readonly resolve?: (changes: PoolPolicyOptions) => PoolPolicy
}

/**
 * Attends one host pool that lends connections: hears of everything through `LendingEvents`,
 * decides by the policy's rules, and acts through the port.
 */
export class LendingKeeper<C extends object> implements PoolKeeper, LendingEvents<C> {
  readonly #context: LendingContext<C>
  readonly #checks: Checks<C>
  readonly #rivals: Rivals<C>
  readonly #incidents: Incidents<C>
  readonly #openings: Openings<C>
  readonly #upkeep: Upkeep<C>
  readonly #operations: Operations<C>
  readonly #drain: Drain<C>
  readonly #returns: Returns<C>
  readonly #freeze: FreezeWatch
  readonly #dependencies: KeeperDependencies
  /** Between `returned` and `settled`, which are one moment. */
  #isReturning = false

  constructor(port: LendingPort<C>, policy: PoolPolicy, dependencies: KeeperDependencies = {}) {
    const { clock = systemClock, draw = Math.random } = dependencies
    this.#context = new LendingContext(port, policy, clock, draw)
    this.#openings = new Openings(this.#context)
    this.#checks = new Checks(this.#context, this.#openings, (facts, error) =>
      this.#incidents.report(facts, error, this.#checks),
    )
    this.#rivals = new Rivals(this.#context, this.#checks)
    this.#incidents = new Incidents(this.#context, () => this.#upkeep.mayTalk())
    this.#upkeep = new Upkeep(this.#context, this.#checks, this.#openings, this.#incidents)
    this.#freeze = new FreezeWatch(clock)
    this.#operations = new Operations(this.#context, this.#upkeep)
    this.#drain = new Drain(this.#context)
    this.#returns = new Returns(this.#context)
    this.#context.changed = () => {
      this.#drain.changed()
      this.#operations.changed()
    }
    this.#dependencies = dependencies
  }

  get name(): string {
    return this.#context.policy.name
  }

  get policy(): PoolPolicy {
    return this.#context.policy
  }

  stats(): PoolStats {
    const { counters, generation, policy } = this.#context
    const { name, min, max } = policy
    return { name, min, max, generation, ...this.#context.counts(), ...counters.snapshot() }
  }

  subscribe(observer: PoolObserver): () => void {
    return this.#context.reporter.subscribe(observer)
  }

  ready(options: ReadyOptions = {}): Promise<void> {
    return this.#operations.ready(options)
  }

  // Bad input rejects, and never throws beside the promise.
  resize(size: ResizeOptions): Promise<void> {
    return new Promise((resolve) => resolve(this.#operations.resize(size)))
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
    const { resolve } = this.#dependencies
    if (resolve === undefined) {
      throw new PoolkeeperError('UNSUPPORTED_HOST', `${this.#context.port.host} cannot be reconfigured while it runs`)
    }
    this.#operations.reconfigure(resolve(changes))
  }

  health(): PoolHealth {
    const { clock, draining, lastOpenError, lastTimeoutAt, paused, policy } = this.#context
    const now = clock.now()
    return judgeHealth({
      counts: this.#context.counts(),
      max: policy.max,
      draining: draining !== false,
      paused: paused !== false,
      connectFails: lastOpenError !== undefined,
      connectSilentMillis: this.#openings.oldestAgeMillis(now),
      sinceTimeoutMillis: now - lastTimeoutAt,
    })
  }

  explain(): PoolExplanation {
    const { clock, generation, policy, port } = this.#context
    const now = clock.now()
    const describe = (connection: C, state: 'used' | 'idle'): ConnectionExplanation => {
      const isAsked = this.#checks.get(connection) !== undefined
      const facts = this.#context.factsOf(connection)
      return explainConnection(facts, isAsked ? 'validating' : state, { now, generation, policy })
    }
    const why = whyWaiting(this.#context)
    return {
      connections: [
        ...port.lent().map((connection) => describe(connection, 'used')),
        ...port.idle().map((connection) => describe(connection, 'idle')),
      ],
      waiters: port.waitingSince().map((since) => ({ waitedMillis: now - since, why })),
    }
  }

  evictIdle(): Promise<number> {
    return this.#operations.evictIdle()
  }

  drain(options: DrainOptions = {}): Promise<DrainReport> {
    this.#upkeep.stop()
    return this.#drain.run(options)
  }

  detach(): void {
    this.#upkeep.stop()
    this.#operations.release()
    this.#context.port.detach()
  }

  /** Called once the port is in place: opens what the policy wants ahead. */
  start(): void {
    if (this.#upkeep.keepsMinimum) this.#upkeep.soon()
  }

  admit(): PoolkeeperError | undefined {
    const { draining, counters, paused } = this.#context
    if (!draining && paused !== 'fail') return undefined
    counters.acquires.refused++
    return draining ? drainingError(this.#context) : pausedError(this.#context)
  }

  mayServe(): boolean {
    return this.#context.paused === false
  }

  mayOpen(): boolean {
    return this.#context.paused === false && this.#openings.mayOpen()
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

  opened(attempt: number, connection: C): void {
    this.#openings.succeed(attempt, connection)
    const { used, idle, validating } = this.#context.counts()
    this.#context.mostAlive = Math.max(this.#context.mostAlive, used + idle + validating)
    this.#upkeep.wake()
    this.#context.changed()
  }

  openFailed(attempt: number, error: unknown): void {
    this.#openings.fail(attempt, error)
    this.#upkeep.wake(this.#openings.pauseLeft())
    this.#context.changed()
  }

  lend(connection: C): boolean | Promise<boolean> {
    const context = this.#context
    const { situation } = context
    const facts = context.factsOf(connection)
    // Handed on within the call that gave it back: the clock was read a moment ago.
    if (!this.#isReturning) this.#readClock()
    const { now } = situation
    context.lastAcquireAt = now
    if (context.policy.minIdle !== false) this.#upkeep.minIdleTouched()
    const verdict = judge(context.rules.checkout, facts, situation)
    // One that is being asked in the background anyway is not lent over the question.
    const isAsked = this.#checks.running > 0 && this.#checks.get(connection) !== undefined
    if (verdict.action === 'lend' && !isAsked) {
      context.counters.validations.skipped++
      facts.lentAt = now
      return true
    }
    if (verdict.action === 'retire') {
      context.condemn(facts, verdict.reason)
      return false
    }
    return this.#rivals.prove(connection)
  }

  /** A thawed process often serves a caller before any timer of upkeep has run. */
  #readClock(): void {
    const { clock, situation } = this.#context
    situation.now = clock.now()
    const frozen = this.#freeze.look(situation.now)
    if (frozen > 0) this.#incidents.froze(frozen)
  }

  acquired(connection: C, waitedSince: number | undefined): void {
    const { counters, reporter } = this.#context
    const facts = this.#context.factsOf(connection)
    facts.held = true
    facts.uses++
    counters.acquires.ok++
    let waitMillis = 0
    if (waitedSince === undefined || facts.lentAt === undefined) counters.wait.recordZero()
    else counters.wait.record((waitMillis = facts.lentAt - waitedSince))
    if (reporter.hearsLeases) reporter.emit('acquired', { connection: facts.id, waitMillis })
  }

  isUndelivered(connection: C): boolean {
    const facts = this.#context.ledger.get(connection)
    return facts !== undefined && facts.lentAt !== undefined && !facts.held
  }

  acquireFailed(error: unknown, waitMillis: number, outcome: 'timedOut' | 'aborted' | 'refused' | 'failed'): void {
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
    const facts = this.#context.ledger.get(connection)
    if (facts === undefined) return
    facts.provenAt = this.#context.clock.now()
    facts.provenGeneration = this.#context.generation
  }

  failed(connection: C, error: unknown, judged: Harm): void {
    const harm = this.#harmOf(error, judged)
    if (harm === 'statement') this.answered(connection)
    else this.#lose(connection, error, harm === 'server')
  }

  died(connection: C, error: unknown): void {
    this.#lose(connection, error, true)
  }

  #harmOf(error: unknown, judged: Harm): Harm {
    const { policy, reporter } = this.#context
    try {
      return policy.retireOn?.(error, judged) ?? judged
    } catch (thrown) {
      reporter.warn('RETIRE_ON_THREW', `retireOn threw: ${String(thrown)}`)
      return judged
    }
  }

  #lose(connection: C, error: unknown, peersInDoubt: boolean): void {
    const facts = this.#context.ledger.get(connection)
    if (facts === undefined || isLeaving(facts)) return
    facts.suspect = true
    this.#context.condemn(facts, 'fatal')
    if (peersInDoubt) this.#incidents.report(facts, error, this.#checks)
    if (this.#context.port.idle().includes(connection)) void this.#context.port.close(connection, true)
  }

  returned(connection: C): 'keep' | 'retire' | 'foreign' | Promise<'keep' | 'retire'> {
    const context = this.#context
    const { counters, port, reporter, situation } = context
    const facts = context.ledger.get(connection)
    if (facts?.held !== true) return 'foreign'
    this.#isReturning = true
    const now = context.clock.now()
    const useMillis = now - (facts.lentAt ?? now)
    // A short lease without a complaint was answered; a long one may have been silent for most of it.
    if (useMillis < (context.policy.validateAfterIdleMillis || 0) && !facts.suspect) facts.provenAt = now
    facts.idleSince = now
    facts.lentAt = undefined
    facts.held = false
    counters.use.record(useMillis)
    if (reporter.hearsLeases) reporter.emit('released', { connection: facts.id, useMillis })
    if (port.isBroken(connection)) context.condemn(facts, 'fatal')
    situation.now = now
    const verdict = judge(context.rules.return, facts, situation)
    if (verdict.action === 'retire') context.condemn(facts, verdict.reason)
    else if (this.#isLastReturn()) context.condemn(facts, 'drain')
    else if (context.surplus !== undefined) this.#retireSurplus(facts, context.surplus)
    if (facts.condemnedFor !== undefined) return 'retire'
    return this.#returns.clean(connection, facts) ?? 'keep'
  }

  /** While a pool is drained, nobody is left who could use what comes back. */
  #isLastReturn(): boolean {
    const { draining, port } = this.#context
    return draining === 'closing' || (draining === 'finishing' && port.counts().pending === 0)
  }

  #retireSurplus(facts: Facts, reason: CloseReason): void {
    const { policy, replacing } = this.#context
    const { used, idle, validating } = this.#context.counts()
    // What is being replaced counts once: its replacement is there already.
    if (used + idle + validating - replacing > policy.max) this.#context.condemn(facts, reason)
    else this.#context.surplus = undefined
  }

  closing(connection: C): boolean {
    const facts: Facts = this.#context.factsOf(connection)
    const { counters, draining, port } = this.#context
    if (facts.condemnedFor === undefined) {
      this.#context.condemn(facts, draining ? 'drain' : port.isBroken(connection) ? 'fatal' : 'host')
    }
    const reason = facts.condemnedFor ?? 'host'
    counters.closes[reason]++
    this.#checks.get(connection)?.forget()
    return isDeath(reason)
  }

  closed(connection: C): void {
    const { clock, ledger, reporter } = this.#context
    const facts = ledger.get(connection)
    ledger.forget(connection)
    if (facts !== undefined && reporter.hears('closed')) {
      const { id, openedAt, uses, condemnedFor = 'host' } = facts
      reporter.emit('closed', { connection: id, reason: condemnedFor, ageMillis: clock.now() - openedAt, uses })
    }
    this.#upkeep.gone(connection)
    this.#upkeep.wake(this.#upkeep.mayTalk() ? 0 : undefined)
    this.#context.changed()
  }

  async shutdown(): Promise<void> {
    await this.drain()
  }

  settled(): void {
    this.#isReturning = false
    this.#context.changed()
  }
}

/** Its end was decided before it came; what it says now is no news. */
function isLeaving({ condemnedFor }: Facts): boolean {
  return condemnedFor !== undefined && condemnedFor !== 'fatal'
}

/** The peer is gone, or as good as gone. */
function isDeath(reason: CloseReason): boolean {
  return reason === 'invalid' || reason === 'stale' || reason === 'fatal'
}
