import type { Checks } from './checks.ts'
import type { Facts, LendingContext } from '../context.ts'

/**
 * One death condemns its peers: an incident raises the pool's generation, and what was proven in
 * an older one must prove itself before it is lent.
 *
 * Raised once for an incident, not once for each of its victims: a victim that was not proven
 * since the last incident has nothing new to tell.
 */
export class Incidents<C extends object> {
  readonly #context: LendingContext<C>
  readonly #mayTalk: () => boolean

  constructor(context: LendingContext<C>, mayTalk: () => boolean) {
    this.#context = context
    this.#mayTalk = mayTalk
  }

  report(victim: Facts, cause: unknown, checks: Checks<C>): void {
    const { situation, reporter } = this.#context
    if (victim.provenGeneration < situation.generation) return
    situation.generation++
    if (reporter.hears('generationBumped')) {
      reporter.emit('generationBumped', { generation: situation.generation, cause })
    }
    if (this.#mayTalk()) this.#proveIdle(checks)
  }

  /** This process did not run for a while: what was proven before counts as unproven. */
  froze(frozenMillis: number): void {
    const { reporter, situation } = this.#context
    situation.generation++
    if (reporter.hears('froze')) reporter.emit('froze', { frozenMillis })
  }

  /** All at once and in the background, so that callers do not find the dead ones one by one. */
  #proveIdle(checks: Checks<C>): void {
    if (this.#context.policy.validateAfterIdleMillis === false) return
    for (const connection of [...this.#context.port.idle()]) {
      if (this.#context.factsOf(connection).condemnedFor === undefined) checks.start(connection, 'incident', 'idle')
    }
  }
}
