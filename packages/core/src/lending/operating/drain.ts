import { heldMillis } from '../../facts.ts'
import type { DrainOptions, DrainReport } from '../../keeper.ts'
import { drainingError } from '../acquire-errors.ts'
import type { LendingContext } from '../context.ts'
import type { Hooks } from '../hooks.ts'

/** A farewell that is not answered by then is not waited for. */
const LAST_CLOSES_MILLIS = 1_000

/**
 * Ends a pool in bounded time: stops lending, answers who waits, waits for what is in use, closes
 * everything, and says who was in the way.
 */
export class Drain<C extends object> {
  readonly #context: LendingContext<C>
  readonly #hooks: Hooks<C>
  #report: Promise<DrainReport> | undefined

  constructor(context: LendingContext<C>, hooks: Hooks<C>) {
    this.#context = context
    this.#hooks = hooks
  }

  /** The same promise for everybody who asks; the first one's options stand. */
  run(options: DrainOptions): Promise<DrainReport> {
    this.#report ??= this.#run(options)
    return this.#report
  }

  async #run({ timeoutMillis = this.#context.policy.drainTimeoutMillis, waiters = 'reject' }: DrainOptions): Promise<DrainReport> {
    const { clock, port, reporter } = this.#context
    const startedAt = clock.now()
    this.#context.draining = waiters === 'reject' ? 'closing' : 'finishing'
    if (reporter.hears('draining')) reporter.emit('draining', { timeoutMillis })
    this.#context.changed()
    const rejected = waiters === 'reject' ? this.#rejectWaiters() : 0
    if (waiters === 'reject') port.abandonOpenings(Infinity)
    this.#closeIdle()
    await this.#until(() => this.#isQuiet(), timeoutMillis)

    this.#context.draining = 'closing'
    const rejectedWaiters = rejected + this.#rejectWaiters()
    port.abandonOpenings(Infinity)
    this.#hooks.giveUpAll()
    const blockers = this.#closeLent(clock.now())
    this.#closeIdle()
    await this.#until(() => this.#context.total() === 0, LAST_CLOSES_MILLIS)
    const report: DrainReport = {
      clean: blockers.length === 0,
      durationMillis: clock.now() - startedAt,
      rejectedWaiters,
      blockers,
    }
    if (reporter.hears('drained')) reporter.emit('drained', { report })
    return report
  }

  #isQuiet(): boolean {
    const { used, validating, pending } = this.#context.counts()
    return used + validating + pending === 0
  }

  #rejectWaiters(): number {
    return this.#context.port.rejectWaiters(drainingError(this.#context))
  }

  #closeIdle(): void {
    for (const connection of [...this.#context.port.idle()]) void this.#context.discard(connection, 'drain', false)
  }

  #closeLent(now: number): DrainReport['blockers'] {
    return [...this.#context.port.lent()].map((connection) => {
      const facts = this.#context.factsOf(connection)
      const { site, owner } = this.#context.tracking.lease(connection)?.origin ?? {}
      void this.#context.discard(connection, 'drain', true)
      return { connection: facts.id, heldMillis: heldMillis(facts, now), site, owner }
    })
  }

  /** Woken by changes, never by polling. */
  #until(isDone: () => boolean, timeoutMillis: number): Promise<void> {
    const { clock, watchers } = this.#context
    if (isDone()) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        watchers.delete(look)
        resolve()
      }
      const look = (): void => {
        if (isDone()) end()
      }
      const timer = clock.after(timeoutMillis, end, true)
      watchers.add(look)
    })
  }
}
