import type { LendingContext } from './context.ts'

/** An attempt to connect that takes longer than this gets company. */
export const STUCK_AFTER_MILLIS = 1_000

const FIRST_PAUSE_MILLIS = 100
const LONGEST_PAUSE_MILLIS = 5_000
const UNFIT_PAUSE_MILLIS = 200

/**
 * Attempts to connect, by whomever they were begun.
 *
 * An attempt that a silent network swallowed would hold its place for the whole connect timeout.
 * So a newer attempt that succeeds condemns the older ones that are still silent, as among
 * connections: others answer, and much faster.
 */
export class Openings<C extends object> {
  readonly #context: LendingContext<C>
  readonly #attempts = new Map<number, number>()
  #last = 0
  #probing = false
  #succeededAt = -Infinity
  #failuresInRow = 0
  #pausedUntil = -Infinity
  #unfitInRow = 0
  #isHeld = false

  constructor(context: LendingContext<C>) {
    this.#context = context
  }

  begin(): number {
    this.#attempts.set(++this.#last, this.#context.clock.now())
    return this.#last
  }

  succeed(attempt: number, connection: C): void {
    const { clock, counters, generation, ledger, observer, port, reporter } = this.#context
    const now = clock.now()
    const openMillis = now - (this.#attempts.get(attempt) ?? now)
    this.#attempts.delete(attempt)
    this.#succeededAt = now
    this.#failuresInRow = 0
    this.#pausedUntil = -Infinity
    this.#context.lastOpenError = undefined
    // A hook may have seen it first; nobody else could use it until now.
    const facts = ledger.get(connection) ?? ledger.open(connection, now, generation)
    facts.idleSince = now
    counters.opens.ok++
    counters.open.record(openMillis)
    if (reporter.hears('opened')) reporter.emit('opened', { connection: facts.id, openMillis })
    const silentFor = Math.max(STUCK_AFTER_MILLIS, 2 * openMillis)
    if (observer === undefined && this.oldestAgeMillis(now) >= silentFor) port.abandonOpenings(now - silentFor)
  }

  fail(attempt: number, error: unknown): void {
    const { clock, counters, reporter } = this.#context
    const now = clock.now()
    const startedAt = this.#attempts.get(attempt) ?? now
    const openMillis = now - startedAt
    this.#attempts.delete(attempt)
    // One that began before the last success tells nothing about the server as it is now.
    if (startedAt > this.#succeededAt) {
      this.#context.lastOpenError = error
      this.#failuresInRow++
      this.#pausedUntil = now + this.#pauseMillis()
    }
    counters.opens.failed++
    if (reporter.hears('openFailed')) reporter.emit('openFailed', { error, openMillis })
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

  /** Whether a connection may be opened for a caller now. */
  mayOpen(): boolean {
    return !this.#isHeld
  }

  oldestAgeMillis(now: number): number {
    const [startedAt] = this.#attempts.values()
    return startedAt === undefined ? 0 : now - startedAt
  }

  /** When upkeep may open again; callers that wait are the host's business and never held back. */
  mayRefill(): boolean {
    return this.pauseLeft() === 0
  }

  pauseLeft(): number {
    return Math.max(0, this.#pausedUntil - this.#context.clock.now())
  }

  #pauseMillis(): number {
    // While somebody uses the pool, the end of an outage has to be noticed within a second.
    const { clock, lastAcquireAt } = this.#context
    const longest = clock.now() - lastAcquireAt < LONGEST_PAUSE_MILLIS ? STUCK_AFTER_MILLIS : LONGEST_PAUSE_MILLIS
    return Math.min(longest, FIRST_PAUSE_MILLIS * 2 ** Math.min(this.#failuresInRow - 1, 10))
  }

  /**
   * While attempts hang and somebody waits, one more is sent after them every second: it is the
   * one that notices the network's return.
   */
  async probeIfStuck(now: number): Promise<void> {
    const { policy, port } = this.#context
    if (this.#probing || port.counts().pending === 0) return
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
