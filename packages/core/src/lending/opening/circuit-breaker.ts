import type { Clock } from '../../clock.ts'
import { describeCounts, type PoolCounts } from '../../counts.ts'
import { PoolkeeperError } from '../../errors.ts'
import type { PoolPolicy } from '../../policy/values.ts'
import type { Reporter } from '../../reporter.ts'
import type { Counters } from '../../stats.ts'
import { textOf } from '../acquire-errors.ts'
import { afterFailure, afterProbe, CLOSED, mayWaitForProbe, probePatienceMillis, withProbe, type Circuit, type CircuitStatus } from './circuit.ts'
import { blockedText } from '../upkeep/loop-lag.ts'

/** What a breaker knows of its keeper, and does to its pool. */
export interface BreakerContext {
  readonly clock: Clock
  readonly counters: Counters
  readonly reporter: Reporter
  readonly policy: PoolPolicy
  /** Looks on while the policy only observes. */
  readonly observer: { readonly policy: PoolPolicy; refused(by: 'circuit'): void } | undefined
  readonly port: {
    counts(): { readonly pending: number }
    wake(): void
    rejectWaiters(error: Error): number
  }
  readonly lastOpenError: unknown
  readonly lastOpenBlockedMillis: number
  lastAcquireAt: number
  counts(): PoolCounts
  total(): number
}

/** How the keeper connects. */
export interface BreakerConnects {
  /** Milliseconds until the next attempt is due. */
  pauseLeft(): number
  /** One attempt, that puts what it opens into the pool. Rejects with the connect error. */
  probe(): { readonly answer: Promise<void>; abandon(): void }
}

/** One part of a pool whose parts connect to the same server. */
interface Part {
  pauseLeft(): number
  /** It opened: those who wait in vain are refused. */
  opened(): void
  /** It closed: those who wait are served. */
  closed(): void
}

/** The circuit of one pool: what one of its parts learns of the server holds for all. */
export class PoolCircuit {
  value: Circuit = CLOSED
  /** It is open in earnest, and was told so: not one that is only observed. */
  isTold = false
  probes = 0
  /** Of any of the parts. */
  lastError: unknown
  readonly parts: Part[] = []
}

/** Keeps callers out of connects that fail, and finds out when they do not fail any more. */
export class CircuitBreaker {
  readonly #context: BreakerContext
  readonly #connects: BreakerConnects
  readonly #pool: PoolCircuit

  constructor(context: BreakerContext, connects: BreakerConnects, pool: PoolCircuit = new PoolCircuit()) {
    this.#context = context
    this.#connects = connects
    this.#pool = pool
    pool.parts.push({
      pauseLeft: () => connects.pauseLeft(),
      // Neither of them within the host's own call, which is not done with its books: the caller whose attempt it
      // was gets the error itself.
      opened: () => void context.clock.after(0, () => this.#refuseStranded()),
      closed: () => void context.clock.after(0, () => context.port.wake()),
    })
  }

  get #circuit(): Circuit {
    return this.#pool.value
  }

  get status(): CircuitStatus {
    return this.#context.observer === undefined ? this.#circuit.status : 'closed'
  }

  /** One comparison: asked for every caller. */
  get isClosed(): boolean {
    return this.#pool.value.status === 'closed'
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
    this.#pool.lastError = error
    this.#pool.value = afterFailure(this.#circuit, threshold, clock.now())
    if (!wasClosed || this.isClosed || observer !== undefined) return
    this.#pool.isTold = true
    if (reporter.hears('circuitOpened')) {
      reporter.emit('circuitOpened', { failures: this.#circuit.failures, cause: error })
    }
    this.#opened()
  }

  /** Somebody was let in, or is at least talked to. */
  close(): void {
    const { clock, reporter } = this.#context
    const circuit = this.#circuit
    this.#pool.value = CLOSED
    if (circuit.status === 'closed' || !this.#pool.isTold) return
    this.#pool.isTold = false
    if (reporter.hears('circuitClosed')) reporter.emit('circuitClosed', { openMillis: clock.now() - circuit.openedAt })
    for (const part of this.#pool.parts) part.closed()
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
    if (this.#threshold === false || this.#pool.isTold !== (observer === undefined)) this.close()
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
    return this.#circuit.status === 'open' && this.pauseLeft === 0
  }

  #hasRoom(total: number): boolean {
    const { max, replaceAhead } = this.#context.policy
    return total < max + replaceAhead
  }

  /** Milliseconds until the next probe is due, whichever part sends it. */
  get pauseLeft(): number {
    return Math.max(...this.#pool.parts.map((part) => part.pauseLeft()))
  }

  async #probe(): Promise<void> {
    const { clock, policy } = this.#context
    const number = ++this.#pool.probes
    this.#pool.value = withProbe(this.#circuit, number, clock.now())
    let wasSilent = false
    const probe = this.#connects.probe()
    const patience = clock.after(probePatienceMillis(this.#circuit, policy.connectTimeoutMillis), () =>
      clock.afterInput(() => {
        wasSilent = true
        probe.abandon()
      }),
    )
    try {
      await probe.answer
    } catch {
      // Counted and reported where every failed open is.
      this.#pool.value = afterProbe(this.#circuit, number, wasSilent)
      this.#opened()
      this.#context.port.wake()
    } finally {
      patience.cancel()
    }
  }

  #opened(): void {
    for (const part of this.#pool.parts) part.opened()
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
    const { lastOpenBlockedMillis, policy } = this.#context
    const cause = this.#context.lastOpenError ?? this.#pool.lastError
    const { failures } = this.#circuit
    const counts = this.#context.counts()
    const last = `${textOf(cause)}${blockedText(lastOpenBlockedMillis)}`
    const message = `pool "${policy.name}" refuses at once: its circuit is open after ${failures} failed connects in a row, the last one: ${last} (${describeCounts(counts, policy.max)})`
    return new PoolkeeperError('CIRCUIT_OPEN', message, { pool: policy.name, counts, cause })
  }
}
