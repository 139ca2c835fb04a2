import type { CloseReason } from '../close-reason.ts'
import { heldMillis } from '../facts.ts'
import type { FrameOwner, Origin } from '../origin.ts'
import type { LendAnswer } from '../port.ts'
import { judge } from '../verdict.ts'
import type { Checks } from './proof/checks.ts'
import type { Facts, LendingContext } from './context.ts'
import { FreezeWatch } from './upkeep/freeze.ts'
import type { Hooks } from './hooks.ts'
import type { Incidents } from './proof/incidents.ts'
import { Leaks } from './holding/leaks.ts'
import { Misuse } from './holding/misuse.ts'
import { Returns } from './returns.ts'
import type { Rivals } from './proof/rivals.ts'
import type { Upkeep } from './upkeep/upkeep.ts'

/** What a lease asks of the rest of the keeper. */
export interface LeaseNeighbours<C extends object> {
  readonly checks: Checks<C>
  readonly rivals: Rivals<C>
  readonly incidents: Incidents<C>
  readonly upkeep: Upkeep<C>
  readonly hooks: Hooks<C>
}

/** The hot path: a connection on its way into a caller's hands, and back. */
export class Leases<C extends object> {
  readonly #context: LendingContext<C>
  readonly #checks: Checks<C>
  readonly #rivals: Rivals<C>
  readonly #incidents: Incidents<C>
  readonly #upkeep: Upkeep<C>
  readonly #hooks: Hooks<C>
  readonly #returns: Returns<C>
  readonly leaks: Leaks<C>
  readonly misuse: Misuse<C>
  readonly #freeze: FreezeWatch
  /** What is lent, or given back and handed on, within this very call, so that nobody looks for its facts again. */
  #atHand: C | undefined
  #factsAtHand: Facts | undefined
  /** Between `returned` and `settled`, which are one moment. */
  #isReturning = false

  constructor(context: LendingContext<C>, { checks, rivals, incidents, upkeep, hooks }: LeaseNeighbours<C>) {
    this.#context = context
    this.#checks = checks
    this.#rivals = rivals
    this.#incidents = incidents
    this.#upkeep = upkeep
    this.#hooks = hooks
    this.#returns = new Returns(context, hooks)
    this.leaks = new Leaks(context, (connection, reason) => this.takeBack(connection, reason))
    this.misuse = new Misuse(context)
    this.#freeze = new FreezeWatch(context.clock)
  }

  lend(connection: C): LendAnswer | Promise<LendAnswer> {
    const context = this.#context
    const { situation } = context
    const facts = this.#factsOf(connection)
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
      context.observer?.lent(facts)
      if (context.policy.onAcquire !== undefined) return this.#hooks.acquire(connection, facts)
      facts.lentAt = now
      this.#atHand = connection
      this.#factsAtHand = facts
      return true
    }
    if (verdict.action === 'retire') {
      context.condemn(facts, verdict.reason)
      return false
    }
    return this.#lendProven(connection)
  }

  /** What is lent in the end may be a rival. */
  async #lendProven(connection: C): Promise<LendAnswer> {
    const proven = await this.#rivals.prove(connection)
    return proven !== undefined && this.#hooks.acquire(proven, this.#context.factsOf(proven))
  }

  /** A thawed process often serves a caller before any timer of upkeep has run. */
  #readClock(): void {
    const { clock, situation } = this.#context
    situation.now = clock.now()
    const frozen = this.#freeze.look(situation.now)
    if (frozen === 0) return
    situation.suspendedMillis += frozen
    this.#incidents.froze(frozen)
  }

  acquired(connection: C, waitedSince: number | undefined, origin: Origin | undefined): void {
    const { counters, reporter, tracking } = this.#context
    const facts = this.#factsOf(connection)
    this.#nothingAtHand()
    facts.held = true
    facts.uses++
    counters.acquires.ok++
    if (origin !== undefined) tracking.began(connection, origin)
    let waitMillis = 0
    if (waitedSince === undefined || facts.lentAt === Infinity) counters.wait.recordZero()
    else counters.wait.record((waitMillis = facts.lentAt - waitedSince))
    if (reporter.hearsLeases) reporter.emit('acquired', { connection: facts.id, waitMillis })
  }

  #factsOf(connection: C): Facts {
    const facts = this.#atHand === connection ? this.#factsAtHand : undefined
    return facts ?? this.#context.factsOf(connection)
  }

  #nothingAtHand(): void {
    this.#atHand = undefined
    this.#factsAtHand = undefined
  }

  returned(connection: C, above: FrameOwner): 'keep' | 'retire' | 'foreign' | Promise<'keep' | 'retire'> {
    const context = this.#context
    const { port, situation } = context
    const facts = context.ledger.get(connection)
    if (facts?.held !== true) {
      this.misuse.released(connection, facts, above)
      return 'foreign'
    }
    this.#isReturning = true
    this.#atHand = connection
    this.#factsAtHand = facts
    const now = context.clock.now()
    const useMillis = heldMillis(facts, now)
    // A short lease without a complaint was answered; a long one may have been silent for most of it.
    if (useMillis < (context.policy.validateAfterIdleMillis || 0) && !facts.suspect) facts.provenAt = now
    this.#end(connection, facts, now, useMillis)
    situation.now = now
    if (port.isBroken(connection)) context.retire(facts, 'fatal')
    context.observer?.returned(connection, facts)
    const verdict = judge(context.rules.return, facts, situation)
    if (verdict.action === 'retire') context.condemn(facts, verdict.reason)
    else if (this.#isLastReturn()) context.condemn(facts, 'drain')
    else if (context.surplus !== undefined) this.#retireSurplus(facts, context.surplus)
    if (facts.condemnedFor !== undefined) return 'retire'
    return this.#returns.accept(connection, facts, useMillis)
  }

  #end(connection: C, facts: Facts, now: number, useMillis: number): void {
    const { counters, reporter, tracking } = this.#context
    facts.idleSince = now
    facts.lentAt = Infinity
    facts.held = false
    counters.use.record(useMillis)
    if (reporter.hearsLeases) reporter.emit('released', { connection: facts.id, useMillis })
    if (tracking.size > 0) this.#untrack(connection, facts, useMillis)
  }

  #untrack(connection: C, facts: Facts, useMillis: number): void {
    const lease = this.#context.tracking.ended(connection)
    if (lease !== undefined) this.leaks.ended(facts, lease, useMillis)
  }

  /** It is closed; maybe under its holder. */
  left(connection: C, facts: Facts): void {
    const now = this.#context.clock.now()
    this.misuse.left(connection, facts)
    this.#untrack(connection, facts, heldMillis(facts, now))
  }

  /**
   * Ends a lease without its holder, who lost the connection or will not give it back: its place is
   * free at once, and what he still does with it is no misuse.
   */
  takeBack(connection: C, reason: CloseReason): void {
    const { clock, ledger } = this.#context
    const facts = ledger.get(connection)
    if (facts?.held !== true) return
    const now = clock.now()
    this.misuse.taken(connection)
    this.#end(connection, facts, now, heldMillis(facts, now))
    void this.#context.discard(connection, reason, true)
  }

  /** While a pool is drained, nobody is left who could use what comes back. */
  #isLastReturn(): boolean {
    const { draining, port } = this.#context
    return draining === 'closing' || (draining === 'finishing' && port.counts().pending === 0)
  }

  #retireSurplus(facts: Facts, reason: CloseReason): void {
    const { policy, replacing } = this.#context
    const { used, idle, validating, pending } = this.#context.counts()
    // What is being replaced counts once: its replacement is there already.
    const alive = used + idle + validating - replacing
    if (alive <= policy.max) this.#context.surplus = undefined
    // An extra connection that others wait for is not closed to be opened again.
    else if (pending === 0 || alive > policy.max + policy.overflow) this.#context.condemn(facts, reason)
  }

  settled(): void {
    this.#isReturning = false
    this.#nothingAtHand()
    this.#context.changed()
  }
}
