import type { CloseReason } from '../../close-reason.ts'
import type { ValidationTrigger } from '../../events.ts'
import type { ValidationAnswer } from '../../port.ts'
import type { Facts, LendingContext } from '../context.ts'
import type { Openings } from '../opening/openings.ts'
import { blockedText } from '../upkeep/loop-lag.ts'
import { RoundTrips } from './round-trips.ts'

/**
 * Who does what when the check ends. `idle`: it stays in the host's idle list, and is closed if
 * it failed. `lender`: a checkout waits for it, and hands the verdict to the host. `rival`: it was
 * withdrawn for a race, which decides. `keeper`: it was withdrawn, and goes back or is closed.
 */
type Custody = 'idle' | 'lender' | 'rival' | 'keeper'

export interface Check {
  readonly startedAt: number
  /** Whether the connection proved itself. Never rejects. */
  readonly done: Promise<boolean>
  custody: Custody
  /** Ends the check against the connection: others were proven while it stayed silent. */
  condemn(): void
  /** Ends the check without a verdict: the host closed the connection meanwhile. */
  forget(): void
}

type Outcome =
  | { readonly kind: 'proven' }
  | {
      readonly kind: 'failed'
      readonly error: unknown
      readonly timedOut: boolean
      readonly reason?: CloseReason
    }
  | { readonly kind: 'gone' }

const WRONG_ROLE: Outcome = {
  kind: 'failed',
  error: new Error('the connection answers, but in another role'),
  timedOut: false,
  reason: 'role',
}

/** Checks under way: at most one a connection, joined by whoever needs its answer. */
export class Checks<C extends object> {
  readonly roundTrips: RoundTrips = new RoundTrips()
  readonly #context: LendingContext<C>
  readonly #openings: Openings<C>
  readonly #onFailure: (facts: Facts, error: unknown) => void
  readonly #running = new Map<C, Check>()

  constructor(
    context: LendingContext<C>,
    openings: Openings<C>,
    onFailure: (facts: Facts, error: unknown) => void,
  ) {
    this.#context = context
    this.#openings = openings
    this.#onFailure = onFailure
  }

  get(connection: C): Check | undefined {
    return this.#running.get(connection)
  }

  get running(): number {
    return this.#running.size
  }

  /** Starts a check, or joins the one under way. */
  start(connection: C, trigger: ValidationTrigger, custody: Custody): Check {
    const running = this.#running.get(connection)
    if (running !== undefined) {
      if (custody !== 'idle') this.#entrust(running, custody)
      return running
    }
    return this.#start(connection, trigger, custody)
  }

  #start(connection: C, trigger: ValidationTrigger, custody: Custody): Check {
    const { clock, port, policy } = this.#context
    const startedAt = clock.now()
    let settle: (outcome: Outcome) => void = () => {}
    const done = new Promise<boolean>((resolve) => {
      settle = (outcome) => {
        if (this.#running.get(connection) !== check) return
        timer.cancel()
        this.#running.delete(connection)
        this.#count(check.custody, -1)
        resolve(this.#conclude(connection, check, trigger, outcome))
      }
    })
    const check: Check = {
      startedAt,
      done,
      custody,
      condemn: () => settle({ kind: 'failed', error: new Error('silent while another connection was proven'), timedOut: true }),
      forget: () => settle({ kind: 'gone' }),
    }
    this.#running.set(connection, check)
    this.#count(custody, 1)
    const timer = clock.after(policy.validationTimeoutMillis, () => {
      const late = blockedText(clock.now() - startedAt - policy.validationTimeoutMillis)
      const error = new Error(`no answer to the validation within ${policy.validationTimeoutMillis} ms${late}`)
      clock.afterInput(() => settle({ kind: 'failed', error, timedOut: true }))
    })
    ask(() => port.validate(connection)).then(
      (answer) => settle(answer === 'wrongRole' ? WRONG_ROLE : { kind: 'proven' }),
      (error: unknown) => settle({ kind: 'failed', error, timedOut: false }),
    )
    return check
  }

  /** The keeper is detached: no answer matters any more. */
  release(): void {
    for (const check of [...this.#running.values()]) check.forget()
  }

  /** Ends every check that has been silent for so long, against its connection. */
  condemnSilent(silentForMillis: number): void {
    const now = this.#context.clock.now()
    for (const check of [...this.#running.values()]) {
      if (now - check.startedAt >= silentForMillis) check.condemn()
    }
  }

  /** The waiting caller was served otherwise: the connection is out of the idle list, and ours. */
  takeOver(check: Check): void {
    this.#entrust(check, 'keeper')
  }

  #entrust(check: Check, custody: Custody): void {
    this.#count(check.custody, -1)
    check.custody = custody
    this.#count(custody, 1)
  }

  #count(custody: Custody, by: 1 | -1): void {
    if (custody === 'idle') this.#context.validatingIdle += by
    else if (custody === 'lender') this.#context.validatingLent += by
  }

  #conclude(connection: C, check: Check, trigger: ValidationTrigger, outcome: Outcome): boolean {
    if (outcome.kind === 'gone') return false
    const facts = this.#context.factsOf(connection)
    const validationMillis = this.#context.clock.now() - check.startedAt
    if (outcome.kind === 'proven') this.#proven(facts, trigger, validationMillis)
    else this.#failed(facts, trigger, validationMillis, outcome)
    this.#release(connection, check.custody, outcome.kind === 'proven')
    this.#context.changed()
    return outcome.kind === 'proven'
  }

  #proven(facts: Facts, trigger: ValidationTrigger, validationMillis: number): void {
    const { clock, counters, generation, reporter } = this.#context
    facts.provenAt = clock.now()
    facts.provenGeneration = generation
    facts.roleProven = true
    facts.suspect = false
    this.#openings.fit()
    counters.validations.ok++
    this.roundTrips.add(validationMillis)
    if (reporter.hears('validated')) reporter.emit('validated', { connection: facts.id, trigger, validationMillis })
  }

  #failed(
    facts: Facts,
    trigger: ValidationTrigger,
    validationMillis: number,
    { error, timedOut, reason }: Extract<Outcome, { kind: 'failed' }>,
  ): void {
    const { counters, generation, reporter } = this.#context
    if (timedOut) counters.validations.timedOut++
    else counters.validations.failed++
    if (reporter.hears('validationFailed')) {
      reporter.emit('validationFailed', { connection: facts.id, trigger, validationMillis, timedOut, error })
    }
    this.#context.condemn(facts, reason ?? (facts.provenGeneration < generation ? 'stale' : 'invalid'))
    if (trigger === 'checkout' && facts.uses === 0) this.#openings.unfit()
    // A new connection in the wrong role says nothing new about those that are there.
    if (reason !== 'role' || facts.uses > 0) this.#onFailure(facts, error)
  }

  #release(connection: C, custody: Custody, proven: boolean): void {
    if (custody === 'lender' || custody === 'rival') return
    if (!proven) void this.#context.port.close(connection, true)
    else if (custody === 'keeper') this.#context.restore(connection)
  }
}

/** A port may throw where it should reject; neither may wedge a pool. */
async function ask(validate: () => Promise<ValidationAnswer>): Promise<ValidationAnswer> {
  return await validate()
}
