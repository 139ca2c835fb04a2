import type { Harm } from '../../harm.ts'
import type { Checks } from './checks.ts'
import type { Facts, LendingContext } from '../context.ts'
import type { Incidents } from './incidents.ts'
import type { Leases } from '../leases.ts'

/** A driver that has not failed a statement by then will not do it any more. */
const LAST_WORDS_MILLIS = 100
const LOOK_EVERY_MILLIS = 10

/** What the traffic tells about a connection: that it lives, that it is lost, and that its peers may be. */
export class Losses<C extends object> {
  readonly #context: LendingContext<C>
  readonly #checks: Checks<C>
  readonly #incidents: Incidents<C>
  readonly #leases: () => Leases<C>

  constructor(context: LendingContext<C>, checks: Checks<C>, incidents: Incidents<C>, leases: () => Leases<C>) {
    this.#leases = leases
    this.#context = context
    this.#checks = checks
    this.#incidents = incidents
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
    // Whoever lost it with his first statement may never have come to where it is given back.
    if (harm !== 'statement' && this.#context.port.isBroken(connection)) this.#freeSoon(connection)
  }

  died(connection: C, error: unknown): void {
    this.#lose(connection, error, true)
    this.#freeSoon(connection)
  }

  /** A dead connection holds its place for nobody. */
  #freeSoon(connection: C): void {
    const { clock, ledger, observer } = this.#context
    const facts = ledger.get(connection)
    if (facts?.held !== true || observer !== undefined) return
    clock.afterInput(() => this.#free(connection, facts, facts.uses, LAST_WORDS_MILLIS))
  }

  /** Its holder is first told by his driver, which may notice the end before it fails what is under way. */
  #free(connection: C, facts: Facts, uses: number, patienceMillis: number): void {
    const { clock, ledger, port } = this.#context
    const isOver = ledger.get(connection) !== facts || facts.uses !== uses || !facts.held
    if (isOver) return
    if (patienceMillis <= 0 || port.isBusy(connection) === false) this.#leases().takeBack(connection, 'fatal')
    else clock.after(LOOK_EVERY_MILLIS, () => this.#free(connection, facts, uses, patienceMillis - LOOK_EVERY_MILLIS))
  }

  asked(connection: C, text: string): void {
    const { ledger, port, tracking } = this.#context
    const facts = ledger.get(connection)
    if (facts === undefined) return
    if (facts.held) tracking.asked(connection, text)
    // The user's own checks and hooks may ask as well, on what is out of the idle list.
    else if (port.idle().includes(connection) && this.#checks.get(connection) === undefined) {
      this.#leases().misuse.used(connection, facts)
    }
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
    const goes = this.#context.retire(facts, 'fatal')
    if (peersInDoubt) this.#incidents.report(facts, error, this.#checks)
    if (goes && this.#context.port.idle().includes(connection)) void this.#context.port.close(connection, true)
  }
}

/** Its end was decided before it came; what it says now is no news. */
function isLeaving({ condemnedFor }: Facts): boolean {
  return condemnedFor !== undefined && condemnedFor !== 'fatal'
}
