import { heldMillis } from '../facts.ts'
import type { DrainOptions, DrainReport } from '../keeper.ts'
import type { SharedContext } from './context.ts'

/** Ends a shared pool in bounded time: takes nothing more, waits for what is in flight, closes all, and says who was in the way. */
export class SharedDrain<C extends object> {
  readonly #context: SharedContext<C>
  #report: Promise<DrainReport> | undefined
  #onChange: (() => void) | undefined

  constructor(context: SharedContext<C>) {
    this.#context = context
  }

  /** The same promise for everybody who asks; the first one's options stand. */
  run(options: DrainOptions): Promise<DrainReport> {
    this.#report ??= this.#run(options)
    return this.#report
  }

  changed(): void {
    this.#onChange?.()
  }

  async #run({ timeoutMillis = this.#context.policy.drainTimeoutMillis, waiters = 'reject' }: DrainOptions): Promise<DrainReport> {
    const { clock, port, reporter } = this.#context
    const startedAt = clock.now()
    this.#context.draining = true
    if (reporter.hears('draining')) reporter.emit('draining', { timeoutMillis })
    const rejected = waiters === 'reject' ? this.#rejectWaiters() : 0
    await this.#untilQuiet(startedAt + timeoutMillis)
    const rejectedWaiters = rejected + this.#rejectWaiters()
    const blockers = this.#blockers(clock.now())
    for (const connection of port.connections()) this.#context.condemn(this.#context.factsOf(connection), 'drain')
    await port.close()
    const durationMillis = clock.now() - startedAt
    const report: DrainReport = { clean: blockers.length === 0, durationMillis, rejectedWaiters, blockers }
    if (reporter.hears('drained')) reporter.emit('drained', { report })
    return report
  }

  #rejectWaiters(): number {
    return this.#context.port.rejectWaiters(this.#context.drainingError())
  }

  #blockers(now: number): DrainReport['blockers'] {
    const { port } = this.#context
    return port
      .connections()
      .filter((connection) => !port.isIdle(connection))
      .map((connection) => {
        const facts = this.#context.factsOf(connection)
        return { connection: facts.id, heldMillis: heldMillis(facts, now), site: undefined, owner: undefined }
      })
  }

  async #untilQuiet(deadline: number): Promise<void> {
    const { clock } = this.#context
    while (!(await this.#isQuiet()) && clock.now() < deadline) await this.#change(deadline - clock.now())
  }

  /** A host may have taken a command, and not have sent it yet: it does so within two turns of the loop. */
  async #isQuiet(): Promise<boolean> {
    for (let turn = 0; turn < 3; turn++) {
      const { used, validating, pending } = this.#context.counts()
      if (used + validating + pending > 0) return false
      await new Promise<void>((resolve) => this.#context.clock.afterInput(resolve))
    }
    return true
  }

  /** Woken by changes, never by polling. */
  #change(timeoutMillis: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        this.#onChange = undefined
        resolve()
      }
      const timer = this.#context.clock.after(timeoutMillis, end, true)
      this.#onChange = end
    })
  }
}
