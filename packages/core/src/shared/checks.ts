import type { Timer } from '../clock.ts'
import type { ValidationTrigger } from '../events.ts'
import { RoundTrips } from '../lending/proof/round-trips.ts'
import type { SharedContext } from './context.ts'

interface Check {
  readonly startedAt: number
  readonly decided: Promise<void>
  /** Ends it against its connection. */
  condemn(): void
  /** Ends it without a word: the connection is gone, or not ours any more. */
  forget(): void
}

/**
 * Asks connections for a sign of life, each once at a time, under a deadline.
 *
 * One that stays silent for longer than is usual here is condemned before its deadline only when the server
 * has answered somebody else meanwhile who asked later: another connection, or a knock at its door.
 */
export class SharedChecks<C extends object> {
  readonly #context: SharedContext<C>
  readonly #onFailure: (connection: C, error: unknown) => void
  readonly #running = new Map<C, Check>()
  readonly #roundTrips = new RoundTrips()
  #slowTimer: Timer | undefined
  #knocking: { abandon(): void } | undefined

  constructor(context: SharedContext<C>, onFailure: (connection: C, error: unknown) => void) {
    this.#context = context
    this.#onFailure = onFailure
  }

  isRunning(connection: C): boolean {
    return this.#running.has(connection)
  }

  get count(): number {
    return this.#running.size
  }

  /** Resolves when all that are being asked now have been decided upon. */
  settled(): Promise<void> {
    return Promise.all([...this.#running.values()].map(({ decided }) => decided)).then(() => {})
  }

  /** Resolves when it was decided; an answer that is awaited already is shared. */
  start(connection: C, trigger: ValidationTrigger): Promise<void> {
    const running = this.#running.get(connection)
    return running === undefined ? this.#begin(connection, trigger).decided : running.decided
  }

  #begin(connection: C, trigger: ValidationTrigger): Check {
    const { clock, policy, port } = this.#context
    let resolve = (): void => {}
    let isOver = false
    const timer = clock.after(policy.validationTimeoutMillis, () => {
      const error = new Error(`no answer to the validation within ${policy.validationTimeoutMillis} ms`)
      clock.afterInput(() => end(() => this.#failed(connection, trigger, check, error, true)))
    })
    const end = (act: () => void): void => {
      if (isOver) return
      isOver = true
      timer.cancel()
      this.#running.delete(connection)
      this.#context.validating--
      if (this.#running.size === 0) this.#rest()
      act()
      resolve()
      this.#context.changed()
    }
    const check: Check = {
      startedAt: clock.now(),
      decided: new Promise<void>((settle) => (resolve = settle)),
      condemn: () => {
        const error = new Error('no answer to the validation, while the server answered others that asked later')
        end(() => this.#failed(connection, trigger, check, error, true))
      },
      forget: () => end(() => {}),
    }
    this.#running.set(connection, check)
    this.#context.validating++
    port.probe(connection).then(
      () => end(() => this.#proven(connection, trigger, check)),
      (error: unknown) => end(() => this.#failed(connection, trigger, check, error, false)),
    )
    this.#watchSilence()
    return check
  }

  forget(connection: C): void {
    this.#running.get(connection)?.forget()
  }

  release(): void {
    for (const check of [...this.#running.values()]) check.forget()
  }

  #rest(): void {
    this.#slowTimer?.cancel()
    this.#slowTimer = undefined
    this.#knocking?.abandon()
    this.#knocking = undefined
  }

  /** Slowness is not death: the server is asked by another way as well, and nothing else is done yet. */
  #watchSilence(): void {
    const { clock, policy } = this.#context
    const slowAfter = this.#roundTrips.slowAfter(policy.validationTimeoutMillis)
    this.#slowTimer ??= clock.after(slowAfter, () => clock.afterInput(() => this.#knock()))
  }

  #knock(): void {
    const oldest = this.#running.entries().next()
    if (oldest.done === true || this.#knocking !== undefined) return
    const { clock, port, reporter } = this.#context
    const [connection, { startedAt }] = oldest.value
    if (reporter.hears('rivalStarted')) {
      const { id } = this.#context.factsOf(connection)
      reporter.emit('rivalStarted', { connection: id, rival: 'fresh', silentMillis: clock.now() - startedAt })
    }
    const knockedAt = clock.now()
    const knock = port.knock()
    this.#knocking = knock
    knock.answer.then(
      () => clock.afterInput(() => this.#wasAnswered(knock, knockedAt)),
      // A server that answers nobody is judged by the deadline alone.
      () => {},
    )
  }

  #wasAnswered(knock: object, knockedAt: number): void {
    if (this.#knocking !== knock) return
    this.#knocking = undefined
    this.#slowTimer = undefined
    this.#condemnOlderThan(knockedAt)
    if (this.#running.size > 0) this.#watchSilence()
  }

  #condemnOlderThan(moment: number): void {
    for (const check of [...this.#running.values()]) if (check.startedAt < moment) check.condemn()
  }

  #proven(connection: C, trigger: ValidationTrigger, { startedAt }: Check): void {
    const { clock, counters, policy, reporter, situation } = this.#context
    const facts = this.#context.factsOf(connection)
    const validationMillis = clock.now() - startedAt
    facts.provenAt = clock.now()
    facts.provenGeneration = situation.generation
    facts.suspect = false
    counters.validations.ok++
    const slowAfter = this.#roundTrips.slowAfter(policy.validationTimeoutMillis)
    this.#roundTrips.add(validationMillis)
    if (reporter.hears('validated')) reporter.emit('validated', { connection: facts.id, trigger, validationMillis })
    this.#condemnOlderThan(startedAt - slowAfter)
  }

  #failed(connection: C, trigger: ValidationTrigger, { startedAt }: Check, error: unknown, timedOut: boolean): void {
    const { clock, counters, port, reporter, situation } = this.#context
    const facts = this.#context.factsOf(connection)
    counters.validations[timedOut ? 'timedOut' : 'failed']++
    if (reporter.hears('validationFailed')) {
      const validationMillis = clock.now() - startedAt
      reporter.emit('validationFailed', { connection: facts.id, trigger, validationMillis, timedOut, error })
    }
    this.#context.condemn(facts, facts.provenGeneration < situation.generation ? 'stale' : 'invalid')
    this.#onFailure(connection, error)
    port.kill(connection, error instanceof Error ? error : new Error(String(error)))
  }
}
