import type { CloseReason } from '../close-reason.ts'
import type { ConnectionFacts } from '../facts.ts'
import type { ObservedAct, ResizeReason } from '../events.ts'
import type { PoolPolicy } from '../policy/values.ts'
import { rulesOf, type RulesByMoment } from '../rules/index.ts'
import type { PoolSize } from '../sizing/options.ts'
import { judge } from '../verdict.ts'
import type { LendingContext } from './context.ts'
import type { Entry, RoundPlan, RoundView } from './upkeep/round-plan.ts'

/**
 * Looks on while a policy only observes: judges by it what happens in the pool, and counts and
 * tells what would have been done. Its verdicts go nowhere else.
 */
export class Observer<C extends object> {
  /** The policy that would be in force. */
  readonly policy: PoolPolicy
  readonly rules: RulesByMoment
  readonly #context: LendingContext<C>
  /** Would be gone by now. */
  readonly #retired = new WeakSet<ConnectionFacts>()
  /** Would have been asked, and so for its role as well. */
  readonly #asked = new WeakSet<ConnectionFacts>()
  readonly #keptAliveAt = new WeakMap<ConnectionFacts, number>()
  #missing = 0

  constructor(context: LendingContext<C>, policy: PoolPolicy) {
    this.#context = context
    this.policy = policy
    this.rules = rulesOf(policy)
  }

  /** The same pool without the connections that would be gone by now. */
  stillThere(view: RoundView<C>): RoundView<C> {
    const stays = ({ facts }: Entry<C>): boolean => !this.#retired.has(facts)
    const idle = view.idle.filter(stays)
    const lent = view.lent.filter(stays)
    const counts = {
      ...view.counts,
      idle: view.counts.idle - (view.idle.length - idle.length),
      used: view.counts.used - (view.lent.length - lent.length),
    }
    return { ...view, counts, idle, lent }
  }

  refused(reason: Extract<ObservedAct, { would: 'refuse' }>['reason']): void {
    this.#context.counters.observed.refuse++
    this.#tell({ would: 'refuse', reason })
  }

  resized({ min, max }: PoolSize, reason: ResizeReason): void {
    this.#context.counters.observed.resize++
    this.#tell({ would: 'resize', min, max, reason })
  }

  lent(facts: ConnectionFacts): void {
    const judged = this.#asked.has(facts) ? { ...facts, roleProven: true } : facts
    const verdict = judge(this.rules.checkout, judged, this.#context.situation)
    if (verdict.action === 'retire') this.retired(facts, verdict.reason)
    else if (verdict.action === 'validate') this.#validated(facts, 'checkout')
  }

  returned(connection: C, facts: ConnectionFacts): void {
    const verdict = judge(this.rules.return, facts, this.#context.situation)
    if (verdict.action === 'retire') this.retired(facts, verdict.reason)
    else this.#restored(connection, facts)
  }

  #restored(connection: C, facts: ConnectionFacts): void {
    const { onReturn, max } = this.policy
    if (onReturn === false) return
    const status = this.#context.port.transactionStatus(connection)
    const isDirty = status === 'open' || status === 'failed'
    if (onReturn === 'reset') this.#tellRestored(facts, 'reset')
    else if (isDirty && max > 1) this.#tellRestored(facts, 'rollback')
  }

  #tellRestored(facts: ConnectionFacts, reason: 'rollback' | 'reset'): void {
    this.#context.counters.observed.restore++
    this.#tell({ would: 'restore', connection: facts.id, reason })
  }

  /** Once for each connection: it would not be there a second time. */
  retired(facts: ConnectionFacts, reason: CloseReason): void {
    if (this.#retired.has(facts)) return
    this.#retired.add(facts)
    this.#context.counters.observed.retire[reason]++
    this.#tell({ would: 'retire', connection: facts.id, reason })
  }

  /** One round of upkeep, planned on what would still be there. */
  planned({ close, replace, validate, open }: RoundPlan<C>): void {
    for (const { connection, reason } of [...close, ...replace]) this.retired(this.#context.factsOf(connection), reason)
    for (const connection of validate) this.#keptAlive(this.#context.factsOf(connection))
    // Asked for in every round until it is there, and opened once.
    for (let more = open - this.#missing; more > 0; more--) {
      this.#context.counters.observed.open++
      this.#tell({ would: 'open', reason: 'min' })
    }
    this.#missing = open
  }

  /** A check would have renewed the proof: the next is due a period later. */
  #keptAlive(facts: ConnectionFacts): void {
    const { now } = this.#context.situation
    const period = this.policy.keepaliveMillis || Infinity
    if (now - (this.#keptAliveAt.get(facts) ?? -Infinity) < period) return
    this.#keptAliveAt.set(facts, now)
    this.#validated(facts, 'keepalive')
  }

  #validated(facts: ConnectionFacts, reason: 'checkout' | 'keepalive'): void {
    this.#asked.add(facts)
    this.#context.counters.observed.validate++
    this.#tell({ would: 'validate', connection: facts.id, reason })
  }

  #tell(act: ObservedAct): void {
    const { reporter } = this.#context
    if (reporter.hears('observed')) reporter.emit('observed', act)
  }
}
