import { describeCounts } from '../../counts.ts'
import { PoolkeeperError } from '../../errors.ts'
import { textOf } from '../acquire-errors.ts'
import { afterFailure, afterProbe, CLOSED, mayWaitForProbe, probePatienceMillis, withProbe, type Circuit, type CircuitStatus } from './circuit.ts'
import type { LendingContext } from '../context.ts'
import { blockedText } from '../upkeep/loop-lag.ts'

/** Keeps callers out of connects that fail, and finds out when they do not fail any more. */
export class CircuitBreaker<C extends object> {
  readonly #context: LendingContext<C>
  /** Milliseconds until the next attempt is due. */
  readonly #pauseLeft: () => number
  #circuit: Circuit = CLOSED
  /** It is open in earnest, and was told so: not one that is only observed. */
  #isTold = false
  #probes = 0

  constructor(context: LendingContext<C>, pauseLeft: () => number) {
    this.#context = context
    this.#pauseLeft = pauseLeft
  }

  get status(): CircuitStatus {
    return this.#context.observer === undefined ? this.#circuit.status : 'closed'
  }

  /** One comparison: asked for every caller. */
  get isClosed(): boolean {
    return this.#circuit.status === 'closed'
  }

  /** Whether connecting is allowed: it is closed, or only observed. */
  get letsIn(): boolean {
    return this.isClosed || this.#context.observer !== undefined
  }

  get #threshold(): number | false {
    const { observer, policy } = this.#context
    return (observer?.policy ?? policy).circuit
  }

  failed(error: unknown): void {
    const { clock, observer, reporter } = this.#context
    const threshold = this.#threshold
    if (threshold === false) return
    const wasClosed = this.isClosed
    this.#circuit = afterFailure(this.#circuit, threshold, clock.now())
    if (!wasClosed || this.isClosed || observer !== undefined) return
    this.#isTold = true
    if (reporter.hears('circuitOpened')) {
      reporter.emit('circuitOpened', { failures: this.#circuit.failures, cause: error })
    }
    this.#refuseSoon()
  }

  /** Somebody was let in, or is at least talked to. */
  close(): void {
    const { clock, reporter } = this.#context
    const circuit = this.#circuit
    this.#circuit = CLOSED
    if (circuit.status === 'closed' || !this.#isTold) return
    this.#isTold = false
    if (reporter.hears('circuitClosed')) reporter.emit('circuitClosed', { openMillis: clock.now() - circuit.openedAt })
    // Not within the host's own call, which is not done with its books.
    clock.after(0, () => this.#context.port.wake())
  }

  /** While it is not closed: what a caller is told who comes now, unless he may wait. */
  refusal(): PoolkeeperError | undefined {
    const context = this.#context
    const now = context.clock.now()
    // Whoever is refused uses the pool all the same: he is why a probe is sent.
    context.lastAcquireAt = now
    if (this.#hasLiving() || this.#isProbeNear() || mayWaitForProbe(this.#circuit, now)) return undefined
    if (context.observer === undefined) {
      context.counters.acquires.refused++
      return this.#error()
    }
    context.observer.refused('circuit')
    return undefined
  }

  /** Asked in every round. */
  attend(mayTalk: boolean): void {
    if (this.isClosed) return
    const { observer, port } = this.#context
    // Switched off meanwhile, or from one mode to the other.
    if (this.#threshold === false || this.#isTold !== (observer === undefined)) this.close()
    else if (observer !== undefined) return
    else if (this.#isProbeDue() && (mayTalk || port.counts().pending > 0)) void this.#probe()
    else this.#refuseStranded()
  }

  #isProbeDue(): boolean {
    return this.#isPauseOver() && this.#hasRoom(this.#context.total())
  }

  /** Due, or due as soon as what is being closed has made room for it. */
  #isProbeNear(): boolean {
    return this.#isPauseOver() && this.#hasRoom(this.#context.total() - this.#context.counts().closing)
  }

  #isPauseOver(): boolean {
    return this.#circuit.status === 'open' && this.#pauseLeft() === 0
  }

  #hasRoom(total: number): boolean {
    const { max, replaceAhead } = this.#context.policy
    return total < max + replaceAhead
  }

  async #probe(): Promise<void> {
    const { clock, policy, port } = this.#context
    const number = ++this.#probes
    this.#circuit = withProbe(this.#circuit, number, clock.now())
    let wasSilent = false
    const opening = port.open()
    const patience = clock.after(probePatienceMillis(this.#circuit, policy.connectTimeoutMillis), () =>
      clock.afterInput(() => {
        wasSilent = true
        opening.abandon()
      }),
    )
    try {
      this.#context.takeIn(await opening.connection)
    } catch {
      // Counted and reported where every failed open is.
      this.#circuit = afterProbe(this.#circuit, number, wasSilent)
      this.#refuseSoon()
      this.#context.port.wake()
    } finally {
      patience.cancel()
    }
  }

  /** Not within the host's own call: the caller whose attempt it was gets the error itself. */
  #refuseSoon(): void {
    this.#context.clock.after(0, () => this.#refuseStranded())
  }

  #refuseStranded(): void {
    const { port } = this.#context
    if (this.#circuit.status !== 'open' || this.#hasLiving() || this.#isProbeNear()) return
    if (port.counts().pending > 0) port.rejectWaiters(this.#error())
  }

  /** Something that may serve a caller, now or when it comes back. */
  #hasLiving(): boolean {
    const { idle, used, validating } = this.#context.counts()
    return idle + used + validating > 0
  }

  #error(): PoolkeeperError {
    const { lastOpenBlockedMillis, lastOpenError, policy } = this.#context
    const { failures } = this.#circuit
    const counts = this.#context.counts()
    const last = `${textOf(lastOpenError)}${blockedText(lastOpenBlockedMillis)}`
    const message = `pool "${policy.name}" refuses at once: its circuit is open after ${failures} failed connects in a row, the last one: ${last} (${describeCounts(counts, policy.max)})`
    return new PoolkeeperError('CIRCUIT_OPEN', message, { pool: policy.name, counts, cause: lastOpenError })
  }
}
