import { isPoolkeeperError } from '../../errors.ts'
import { Backoff } from './backoff.ts'
import { CircuitBreaker, type PoolCircuit } from './circuit-breaker.ts'
import type { LendingContext } from '../context.ts'
import { BLOCKED_FROM_MILLIS } from '../upkeep/loop-lag.ts'

/** An attempt to connect that takes longer than this gets company. */
export const STUCK_AFTER_MILLIS = 1_000

const UNFIT_PAUSE_MILLIS = 200

/** A pool that nobody asked for so long can do without a connection for a while. */
const WANTED_FOR_MILLIS = 5_000

/**
 * Attempts to connect, by whomever they were begun.
 *
 * An attempt that a silent network swallowed would hold its place for the whole connect timeout.
 * So a newer attempt that succeeds condemns the older ones that are still silent, as among
 * connections: others answer, and much faster.
 */
export class Openings<C extends object> {
  readonly breaker: CircuitBreaker
  readonly #context: LendingContext<C>
  readonly #attempts = new Map<number, number>()
  readonly #backoff = new Backoff()
  #last = 0
  #probing = false
  /** The youngest attempt that began before the last success. */
  #lastBeforeSuccess = 0
  #unfitInRow = 0
  #isHeld = false
  #isWakeSet = false

  constructor(context: LendingContext<C>, circuit: PoolCircuit | undefined) {
    this.#context = context
    this.breaker = new CircuitBreaker(context, { pauseLeft: () => this.pauseLeft(), probe: () => this.#probe() }, circuit)
  }

  #probe(): { readonly answer: Promise<void>; abandon(): void } {
    const { connection, abandon } = this.#context.port.open()
    return { answer: connection.then((opened) => this.#context.takeIn(opened)), abandon }
  }

  /** Since the last success; attempts that failed together count once. */
  get failures(): number {
    return this.#backoff.failures
  }

  begin(): number {
    const { clock, port } = this.#context
    this.#attempts.set(++this.#last, clock.now())
    // Who waits uses the pool, also when he gets nothing.
    if (port.counts().pending > 0) this.#context.lastAcquireAt = clock.now()
    return this.#last
  }

  succeed(attempt: number, connection: C): void {
    const { clock, counters, generation, ledger, observer, port, reporter } = this.#context
    const now = clock.now()
    const openMillis = now - (this.#attempts.get(attempt) ?? now)
    this.#attempts.delete(attempt)
    this.#lastBeforeSuccess = this.#last
    if (this.#backoff.isFailing || !this.breaker.isClosed) this.#isOver()
    // A hook may have seen it first; nobody else could use it until now.
    const facts = ledger.get(connection) ?? ledger.open(connection, now, generation)
    facts.idleSince = now
    counters.opens.ok++
    counters.open.record(openMillis)
    if (reporter.hears('opened')) reporter.emit('opened', { connection: facts.id, openMillis })
    const silentFor = Math.max(STUCK_AFTER_MILLIS, 2 * openMillis)
    if (observer === undefined && this.oldestAgeMillis(now) >= silentFor) port.abandonOpenings(now - silentFor)
  }

  #isOver(): void {
    this.#context.lastOpenError = undefined
    this.#backoff.succeeded()
    this.breaker.close()
    // Those who were held back: not within the host's own call, which is not done with its books.
    if (this.#context.policy.createRetry) this.#context.clock.after(0, () => this.#context.port.wake())
  }

  /** Whether the caller for whom the attempt was made, if it was for one, has his answer. */
  fail(attempt: number, error: unknown): 'fail' | 'retry' {
    const { clock, counters, policy, port, reporter } = this.#context
    const startedAt = this.#attempts.get(attempt) ?? clock.now()
    const openMillis = clock.now() - startedAt
    this.#attempts.delete(attempt)
    // What the keeper gave up says nothing to those who waited for it.
    const isGivenUp = isPoolkeeperError(error) && error.code === 'CONNECT_FAILED'
    const refusal = isGivenUp ? undefined : port.refusalOf(error)
    const isHopeless = refusal === 'credentials'
    // One that began before the last success tells nothing about the server as it is now.
    if (attempt > this.#lastBeforeSuccess) {
      this.#remember(error, openMillis)
      this.#backoff.failed({ startedAt, failedAt: clock.now(), isHopeless }, policy.createBackoff, this.#context.draw)
      // A server that has no room is there.
      if (refusal === 'full') this.breaker.close()
      else if (!isGivenUp && this.#context.lastOpenBlockedMillis < BLOCKED_FROM_MILLIS) this.breaker.failed(error)
    }
    counters.opens.failed++
    if (reporter.hears('openFailed')) reporter.emit('openFailed', { error, openMillis })
    return isGivenUp || (policy.createRetry && !isHopeless) ? 'retry' : 'fail'
  }

  /** A deadline that this process kept from being noticed may have kept the answer from it as well. */
  #remember(error: unknown, openMillis: number): void {
    const { lagMillis, policy } = this.#context
    this.#context.lastOpenError = error
    this.#context.lastOpenBlockedMillis = openMillis >= policy.connectTimeoutMillis ? lagMillis() : 0
  }

  /** A new connection failed its first check: opening more of its kind at once would be a storm. */
  unfit(): void {
    const { clock, policy, port } = this.#context
    if (++this.#unfitInRow < policy.max) return
    if (this.#isHeld) return
    this.#isHeld = true
    // The timer decides, and not the clock: timers may fire a moment early by it.
    clock.after(UNFIT_PAUSE_MILLIS, () => {
      this.#isHeld = false
      port.wake()
    })
  }

  fit(): void {
    this.#unfitInRow = 0
  }

  /** Whether a connection may be opened for a caller now; if not, the port is woken when it may. */
  mayOpen(): boolean {
    if (this.#isHeld || !this.breaker.letsIn) return false
    if (!this.#context.policy.createRetry || !this.#backoff.isFailing || this.#backoff.isHopeless) return true
    const pauseLeft = this.#backoff.leftMillis(this.#context.clock.now(), true)
    if (pauseLeft > 0) this.#wakeIn(pauseLeft)
    // One at a time: whoever comes back up is not met by everybody at once.
    return pauseLeft === 0 && this.#context.port.counts().opening === 0
  }

  #wakeIn(millis: number): void {
    if (this.#isWakeSet) return
    this.#isWakeSet = true
    const wake = (): void => {
      this.#isWakeSet = false
      this.#context.port.wake()
    }
    // Somebody waits for it.
    this.#context.clock.after(millis, wake, true)
  }

  oldestAgeMillis(now: number): number {
    const [startedAt] = this.#attempts.values()
    return startedAt === undefined ? 0 : now - startedAt
  }

  /** When upkeep may open again, which is not what callers wait for. */
  mayRefill(): boolean {
    return this.breaker.letsIn && this.pauseLeft() === 0
  }

  /** Milliseconds until the next attempt is due. */
  pauseLeft(): number {
    const { clock, lastAcquireAt, port } = this.#context
    const now = clock.now()
    const isWanted = now - lastAcquireAt < WANTED_FOR_MILLIS || port.counts().pending > 0
    return this.#backoff.leftMillis(now, isWanted)
  }

  /**
   * While attempts hang and somebody waits, one more is sent after them every second: it is the
   * one that notices the network's return.
   */
  async probeIfStuck(now: number): Promise<void> {
    const { policy, port } = this.#context
    if (this.#probing || !this.breaker.letsIn || port.counts().pending === 0) return
    if (this.oldestAgeMillis(now) < STUCK_AFTER_MILLIS) return
    if (this.#context.total() >= policy.max + policy.replaceAhead) return
    this.#probing = true
    const probe = port.open()
    // Swallowed as well: the next round sends another, and never two are on their way.
    const patience = this.#context.clock.after(STUCK_AFTER_MILLIS, () => probe.abandon())
    try {
      this.#context.takeIn(await probe.connection)
    } catch {
      // Counted and reported where every failed open is; whoever counted on it is served otherwise.
      port.wake()
    } finally {
      patience.cancel()
      this.#probing = false
    }
  }
}
