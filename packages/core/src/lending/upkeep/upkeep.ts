import type { Timer } from '../../clock.ts'
import type { CloseReason } from '../../close-reason.ts'
import { totalOf } from '../../counts.ts'
import { heldMillis } from '../../facts.ts'
import { keepsMinimum, mayWakeServer, type PoolPolicy } from '../../policy/values.ts'
import type { RulesByMoment } from '../../rules/index.ts'
import type { Checks } from '../proof/checks.ts'
import type { Reauthentication } from '../../credentials/reauthentication.ts'
import type { Facts, LendingContext } from '../context.ts'
import { STOPPED_AFTER_MILLIS } from './freeze.ts'
import { BLOCKED_FROM_MILLIS } from './loop-lag.ts'
import type { Incidents } from '../proof/incidents.ts'
import type { Leaks } from '../holding/leaks.ts'
import type { Openings } from '../opening/openings.ts'
import type { Pressure } from '../opening/pressure.ts'
import { planRound, SHORT_LEASE_MILLIS, type Entry, type RoundView } from './round-plan.ts'

/** A pool that nobody asked for a connection for so long is not in use. */
const IN_USE_FOR_MILLIS = 30_000

const SHORTEST_PERIOD_MILLIS = 50
const LONGEST_PERIOD_MILLIS = 5_000
const PERIOD_WHILE_BUSY_MILLIS = 250
/** The lateness of a round tells for how long this process was stopped: the shorter the period, the better. */
const PERIOD_IN_USE_MILLIS = 1_000
const LEAST_REPLACEMENT_MILLIS = 20

/** Timers that are late together fire within this. */
const SAME_TURN_MILLIS = 50

/** What a round asks of the rest of the keeper. */
export interface UpkeepNeighbours<C extends object> {
  readonly checks: Checks<C>
  readonly openings: Openings<C>
  readonly incidents: Incidents<C>
  readonly pressure: Pressure<C>
  leaks(): Leaks<C>
  /** Looks whether another size is due. */
  size(): void
}

/**
 * Rounds of upkeep: keepalive, lifetime, idle timeout, minimum. Nobody waits for them, they stop
 * when the pool is empty, and their timer never keeps a process alive.
 */
export class Upkeep<C extends object> {
  readonly #context: LendingContext<C>
  readonly #checks: Checks<C>
  readonly #openings: Openings<C>
  readonly #incidents: Incidents<C>
  readonly #pressure: Pressure<C>
  readonly #leaks: () => Leaks<C>
  readonly #size: () => void
  /** Old connections whose replacement is being opened, or stands ready. */
  readonly #replacing = new Set<C>()
  #timer: Timer | undefined
  #dueAt = Infinity
  #lag = { seenAt: -Infinity, millis: 0 }
  #stopped = false
  /** Somebody called `ready()`: the minimum is kept from then on. */
  keepsMinimum: boolean

  constructor(context: LendingContext<C>, { checks, openings, incidents, pressure, leaks, size }: UpkeepNeighbours<C>) {
    this.#leaks = leaks
    this.#size = size
    this.#context = context
    this.#incidents = incidents
    this.#pressure = pressure
    this.#checks = checks
    this.#openings = openings
    this.keepsMinimum = keepsMinimum(context.policy)
  }

  /** Whether the server may be talked to without a caller: it is awake, or shall be. */
  mayTalk(policy: PoolPolicy = this.#context.policy): boolean {
    if (this.#context.draining) return false
    return mayWakeServer(policy) || this.keepsMinimum || this.#isInUse() || this.recycling()
  }

  #isInUse(): boolean {
    return this.#context.clock.now() - this.#context.lastAcquireAt < IN_USE_FOR_MILLIS
  }

  /** Of a minimum that nobody asked us for, what demand has opened, while there is demand. */
  #refillTo(policy: PoolPolicy): number {
    const { mostAlive } = this.#context
    if (this.keepsMinimum || keepsMinimum(policy)) return policy.min
    return this.#isInUse() ? Math.min(policy.min, mostAlive) : 0
  }

  recycling(): boolean {
    const { ledger, port, situation } = this.#context
    if (situation.recycleBefore === -Infinity) return false
    return [...port.idle(), ...port.lent()].some((connection) => {
      const facts = ledger.get(connection)
      return facts !== undefined && facts.openedAt < situation.recycleBefore
    })
  }

  /** Makes sure that a round comes, and no later than `within` milliseconds from now. */
  wake(within: number = this.#period()): void {
    if (this.#stopped) return
    if (this.#timer !== undefined && this.#dueAt <= this.#context.clock.now() + within) return
    this.#timer?.cancel()
    this.#schedule(within)
  }

  /** A round as soon as the current work is done. */
  soon(): void {
    this.wake(0)
  }

  /** Demand took an idle connection: another one is opened ahead of the next demand. */
  minIdleTouched(): void {
    const { policy, port } = this.#context
    if (port.counts().idle < (policy.minIdle || 0)) this.soon()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #schedule(millis: number): void {
    this.#dueAt = this.#context.clock.now() + millis
    this.#timer = this.#context.clock.after(millis, () => {
      this.#timer = undefined
      this.#lookAtLag()
      this.#leaks().look(this.#context.clock.now(), this.#lag.millis)
      this.round()
      if (this.#timer === undefined && !this.#stopped && this.#isNeeded()) this.#schedule(this.#period())
    })
  }

  /** How late timers are now: this one, or the last that fired, when that was in the same turn. */
  lagMillis(): number {
    const now = this.#context.clock.now()
    const overdue = this.#timer === undefined ? 0 : Math.max(0, now - this.#dueAt)
    return now - this.#lag.seenAt < SAME_TURN_MILLIS ? Math.max(overdue, this.#lag.millis) : overdue
  }

  #lookAtLag(): void {
    const { clock, reporter } = this.#context
    const lagMillis = clock.now() - this.#dueAt
    this.#lag = { seenAt: clock.now(), millis: lagMillis }
    if (lagMillis >= STOPPED_AFTER_MILLIS) this.#thaw(lagMillis)
    else if (lagMillis >= BLOCKED_FROM_MILLIS && reporter.hears('loopLagged')) reporter.emit('loopLagged', { lagMillis })
  }

  /** This process was stopped while time went on: a suspended one has no such lateness. */
  #thaw(stoppedMillis: number): void {
    this.#incidents.froze(stoppedMillis)
    this.#context.port.postponeDeadlines(stoppedMillis)
  }

  #isNeeded(): boolean {
    const counts = this.#context.counts()
    if (!this.#openings.breaker.letsIn && this.mayTalk()) return true
    const { policy } = this.#context
    const keeps = (this.keepsMinimum || keepsMinimum(policy)) && (policy.min > 0 || policy.minIdle !== false)
    return keeps || totalOf(counts) + counts.pending > 0
  }

  /** Often enough for what is due soonest, and no oftener. */
  #period(): number {
    const { maxLifetimeMillis, idleTimeoutMillis, keepaliveMillis, leakThresholdMillis } = this.#context.declared
    const wishes = [
      maxLifetimeMillis === false ? Infinity : maxLifetimeMillis / 40,
      idleTimeoutMillis === false ? Infinity : idleTimeoutMillis / 10,
      keepaliveMillis === false ? Infinity : keepaliveMillis / 20,
      this.#context.credentials.periodMillis,
      leakThresholdMillis === false ? Infinity : leakThresholdMillis / 10,
      this.#isBusy() ? PERIOD_WHILE_BUSY_MILLIS : Infinity,
      this.#isInUse() ? PERIOD_IN_USE_MILLIS : Infinity,
      this.#pressure.nextReliefIn(this.#context.clock.now()) || Infinity,
      LONGEST_PERIOD_MILLIS,
    ]
    // A pause has its own least length, and those who need its end shall not wait for a round.
    return Math.min(this.#openings.pauseLeft() || Infinity, Math.max(SHORTEST_PERIOD_MILLIS, Math.min(...wishes)))
  }

  #isBusy(): boolean {
    const { opening, pending } = this.#context.port.counts()
    return opening + pending > 0 || this.#replacing.size > 0 || this.recycling()
  }

  round(): void {
    this.#size()
    const { clock, observer, policy, rules, situation } = this.#context
    const now = clock.now()
    situation.now = now
    this.#renewCredentials()
    if (observer === undefined && this.#context.reauthentication !== undefined) this.#reauthenticate(this.#context.reauthentication)
    this.#openings.breaker.attend(this.mayTalk())
    if (observer !== undefined) {
      observer.planned(planRound(observer.stillThere(this.#view(observer.policy, observer.rules))))
      return
    }
    const plan = planRound(this.#view(policy, rules))
    for (const { connection, reason } of plan.close) void this.#context.discard(connection, reason, false)
    for (const { connection, reason, lent } of plan.replace) void this.#replace(connection, reason, lent)
    for (const connection of plan.validate) this.#checks.start(connection, 'keepalive', 'idle')
    for (let missing = plan.open; missing > 0; missing--) void this.#open()
    this.#pressure.relieve(now, () => this.#openings.mayOpen())
    void this.#openings.probeIfStuck(now)
  }

  #view(policy: PoolPolicy, rules: RulesByMoment): RoundView<C> {
    const { situation } = this.#context
    return {
      rules,
      situation,
      policy,
      counts: this.#context.counts(),
      idle: this.#idleEntries(),
      lent: this.#entries(this.#context.port.lent()),
      mayTalk: this.mayTalk(policy),
      mayRefill: this.#openings.mayRefill(),
      refillTo: this.#refillTo(policy),
      surplus: this.#context.surplus ?? 'overflow',
      roundMillis: this.#period(),
      replacementMillis: this.#replacementMillis(),
      replacing: this.#replacing.size,
      replacingNow: [...this.#replacing].filter((old) => !this.#isHeldForLong(old, situation.now)).length,
    }
  }

  /** So early that all that were opened with the old ones can be replaced, one after the other. */
  #renewCredentials(): void {
    const { credentials, policy } = this.#context
    if (policy.credentials === undefined || !this.mayTalk()) return
    const { idle, used, validating } = this.#context.counts()
    credentials.renewIfDue(2 * this.#period() + (idle + used + validating) * this.#replacementMillis())
  }

  /** Those that lie idle, all at once: each with a message of its own. */
  #reauthenticate(reauthentication: Reauthentication<C>): void {
    const { ledger, port } = this.#context
    for (const connection of [...port.idle()]) {
      const facts = ledger.get(connection)
      if (facts === undefined || this.#checks.get(connection) !== undefined || !reauthentication.isDue(connection, facts)) continue
      if (port.withdraw(connection)) void this.#reauthenticated(reauthentication, connection, facts)
    }
  }

  async #reauthenticated(reauthentication: Reauthentication<C>, connection: C, facts: Facts): Promise<void> {
    const outcome = await reauthentication.run(connection, this.#context.policy.validationTimeoutMillis)
    // It died meanwhile.
    if (this.#context.ledger.get(connection) !== facts) return
    if (outcome === 'silent') void this.#context.discard(connection, 'credential', true)
    else this.#context.restore(connection)
  }

  #replacementMillis(): number {
    return Math.max(LEAST_REPLACEMENT_MILLIS, 2 * this.#context.counters.open.meanMillis)
  }

  #idleEntries(): Entry<C>[] {
    const idle = this.#context.port.idle().filter((connection) => this.#checks.get(connection) === undefined)
    // A caller that left in the very moment of being served gave nothing back.
    for (const connection of idle) this.#context.factsOf(connection).lentAt = Infinity
    return this.#entries(idle)
  }

  #entries(connections: readonly C[]): Entry<C>[] {
    return connections
      .filter((connection) => !this.#replacing.has(connection))
      .map((connection) => ({ connection, facts: this.#context.factsOf(connection) }))
  }

  async #open(): Promise<void> {
    try {
      this.#context.restore(await this.#context.open())
    } catch {
      // Counted and reported where every failed open is; the next round tries again.
    }
  }

  /** Opens first, then closes: no caller meets a pool that is smaller for it. */
  async #replace(old: C, reason: CloseReason, lent: boolean): Promise<void> {
    this.#startReplacing(old)
    const { policy, port } = this.#context
    if (!this.#context.mayConnect()) {
      this.#endReplacing(old)
      return
    }
    const hasRoom = this.#context.total() < policy.max + policy.replaceAhead
    if (!hasRoom) {
      if (lent) this.#endReplacing(old)
      else await this.#closeFirst(old, reason)
      return
    }
    try {
      const replacement = await this.#context.open()
      this.#context.counters.replacements++
      this.#retire(old, reason)
      this.#context.restore(replacement)
    } catch (error) {
      if (port.refusalOf(error) === 'full' && !lent) await this.#closeFirst(old, reason)
      else this.#endReplacing(old)
    }
  }

  async #closeFirst(old: C, reason: CloseReason): Promise<void> {
    const { port } = this.#context
    if (!port.withdraw(old)) {
      this.#endReplacing(old)
      return
    }
    await this.#context.discard(old, reason, false)
    // Somebody who waited may have been given the room already: his connect is the replacement.
    if (this.#context.total() < this.#context.policy.max) await this.#open()
  }

  /** Idle: now. Lent meanwhile: as soon as it comes back. */
  #retire(old: C, reason: CloseReason): void {
    const { port } = this.#context
    if (port.withdraw(old)) void this.#context.discard(old, reason, false)
    else this.#context.condemn(this.#context.factsOf(old), reason)
  }

  /** Told of every connection that is gone, by whatever way. */
  gone(connection: C): void {
    if (this.#endReplacing(connection)) this.soon()
  }

  /** Replaced already, and gone when its holder lets go; others need not wait for that. */
  #isHeldForLong(old: C, now: number): boolean {
    const facts = this.#context.factsOf(old)
    return facts.condemnedFor !== undefined && heldMillis(facts, now) >= SHORT_LEASE_MILLIS
  }

  #startReplacing(old: C): void {
    this.#replacing.add(old)
    this.#context.replacing = this.#replacing.size
  }

  #endReplacing(old: C): boolean {
    const was = this.#replacing.delete(old)
    this.#context.replacing = this.#replacing.size
    return was
  }
}
