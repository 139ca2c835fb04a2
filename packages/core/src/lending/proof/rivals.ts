import type { Timer } from '../../clock.ts'
import type { Check, Checks } from './checks.ts'
import { judge } from '../../verdict.ts'
import type { LendingContext } from '../context.ts'

/** One checkout that waits for a check. */
interface Race<C> {
  readonly connection: C
  readonly check: Check
  readonly finish: (proven: C | undefined) => void
  /** How often this race looked for help. */
  stage: number
  timer: Timer | undefined
}

/**
 * Slowness is not death: a check that is slower than usual is not judged, it gets a rival. The
 * first that is proven is lent.
 */
export class Rivals<C extends object> {
  readonly #context: LendingContext<C>
  readonly #checks: Checks<C>
  /** The oldest first. */
  readonly #races = new Set<Race<C>>()
  #opening = false

  constructor(context: LendingContext<C>, checks: Checks<C>) {
    this.#context = context
    this.#checks = checks
  }

  /** Resolves with this connection, or the rival that was exchanged for it, when it is proven; or with none. */
  prove(connection: C): Promise<C | undefined> {
    const check = this.#checks.start(connection, 'checkout', 'lender')
    return new Promise((resolve) => {
      const race: Race<C> = { connection, check, finish: resolve, stage: 0, timer: undefined }
      this.#races.add(race)
      this.#watch(race, check.startedAt)
      void check.done.then((proven) => this.#end(race, proven ? connection : undefined))
    })
  }

  /** The keeper is detached: callers get what the host would have given them. */
  release(): void {
    for (const race of this.#races) {
      race.timer?.cancel()
      race.finish(race.connection)
    }
    this.#races.clear()
  }

  #end(race: Race<C>, winner: C | undefined): void {
    if (!this.#races.delete(race)) return
    race.timer?.cancel()
    race.finish(winner !== undefined && this.#mayLend(winner) ? winner : undefined)
  }

  #mayLend(winner: C): boolean {
    const facts = this.#context.factsOf(winner)
    if (this.#context.draining === 'closing') this.#context.condemn(facts, 'drain')
    else facts.lentAt = this.#context.clock.now()
    return this.#context.draining !== 'closing'
  }

  #slowAfter(): number {
    return this.#checks.roundTrips.slowAfter(this.#context.policy.validationTimeoutMillis)
  }

  /** A check that was joined late has used up part of its patience already. */
  #watch(race: Race<C>, since: number): void {
    const { clock } = this.#context
    const patience = Math.max(0, since + this.#slowAfter() - clock.now())
    race.timer = clock.after(patience, () => clock.afterInput(() => this.#escalate(race)))
  }

  #escalate(race: Race<C>): void {
    if (!this.#races.has(race)) return
    const candidate = race.stage++ === 0 ? this.#idleCandidate() : undefined
    if (candidate !== undefined) void this.#tryIdle(race, candidate)
    else if (!this.#opening && this.#hasRoom()) void this.#tryFresh(race)
    // Where there is no help now, there may be soon: another race's rival, or room to open.
    this.#watch(race, this.#context.clock.now())
  }

  /** The warmest idle connection that nobody is asking yet, withdrawn. */
  #idleCandidate(): C | undefined {
    const { port } = this.#context
    return port
      .idle()
      .toReversed()
      .find((connection) => this.#checks.get(connection) === undefined && port.withdraw(connection))
  }

  #hasRoom(): boolean {
    const { max, replaceAhead } = this.#context.policy
    return this.#context.mayConnect() && this.#context.total() < max + replaceAhead
  }

  async #tryIdle(race: Race<C>, rival: C): Promise<void> {
    this.#report(race, 'idle')
    const startedAt = this.#context.clock.now()
    const check = this.#checks.start(rival, 'rival', 'rival')
    if (await check.done) this.#offer(rival, startedAt)
    else await this.#context.port.close(rival, true)
  }

  async #tryFresh(race: Race<C>): Promise<void> {
    this.#report(race, 'fresh')
    const startedAt = this.#context.clock.now()
    this.#opening = true
    try {
      const rival = await this.#context.open()
      this.#context.surplus ??= 'overflow'
      if (await this.#isFit(rival)) this.#offer(rival, startedAt)
      else await this.#context.port.close(rival, true)
    } catch {
      // Counted and reported as a failed open; the races go on to their own deadlines.
    } finally {
      this.#opening = false
    }
  }

  /** Opening is proof, but perhaps not of all that the policy asks for. */
  async #isFit(rival: C): Promise<boolean> {
    const { rules, situation } = this.#context
    situation.now = this.#context.clock.now()
    if (judge(rules.checkout, this.#context.factsOf(rival), situation).action === 'lend') return true
    return this.#checks.start(rival, 'rival', 'rival').done
  }

  /** A connection that is proven, withdrawn and free: for the oldest race, or for the pool. */
  #offer(rival: C, startedAt: number): void {
    const took = this.#context.clock.now() - startedAt
    const [race] = this.#races
    if (race === undefined) {
      this.#context.takeIn(rival)
      return
    }
    this.#context.port.exchange(race.connection, rival)
    this.#checks.takeOver(race.check)
    this.#end(race, rival)
    // Others answer, and this much faster: what stayed silent all the while is taken for dead.
    this.#checks.condemnSilent(Math.max(this.#slowAfter(), 2 * took))
  }

  #report(race: Race<C>, rival: 'idle' | 'fresh'): void {
    const { clock, reporter } = this.#context
    if (!reporter.hears('rivalStarted')) return
    const { id } = this.#context.factsOf(race.connection)
    reporter.emit('rivalStarted', { connection: id, rival, silentMillis: clock.now() - race.check.startedAt })
  }
}
