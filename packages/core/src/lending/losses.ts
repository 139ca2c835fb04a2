import type { Harm } from '../harm.ts'
import type { Checks } from './checks.ts'
import type { Facts, LendingContext } from './context.ts'
import type { Incidents } from './incidents.ts'

/** What the traffic tells about a connection: that it lives, that it is lost, and that its peers may be. */
export class Losses<C extends object> {
  readonly #context: LendingContext<C>
  readonly #checks: Checks<C>
  readonly #incidents: Incidents<C>

  constructor(context: LendingContext<C>, checks: Checks<C>, incidents: Incidents<C>) {
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
    const goes = this.#context.retire(facts, 'fatal')
    if (peersInDoubt) this.#incidents.report(facts, error, this.#checks)
    if (goes && this.#context.port.idle().includes(connection)) void this.#context.port.close(connection, true)
  }
}

/** Its end was decided before it came; what it says now is no news. */
function isLeaving({ condemnedFor }: Facts): boolean {
  return condemnedFor !== undefined && condemnedFor !== 'fatal'
}
