import { PoolkeeperError } from '../../errors.ts'
import { describeCounts } from '../../counts.ts'
import type { PoolPolicy } from '../../policy/values.ts'
import type { LendingContext } from '../context.ts'

export interface PressureOptions {
  /**
   * How many callers may wait for a connection; whoever comes beyond that gets `POOL_EXHAUSTED` at
   * once. Callers for whom a connection is free or may be opened do not count.
   *
   * Bites under overload: a queue that is longer than the server can ever serve only makes every
   * caller wait for his whole deadline.
   *
   * An integer from 0 to 1_000_000 (`0`: nobody waits for somebody else's connection), or `false`.
   *
   * @defaultValue `false` (no limit)
   */
  readonly maxPending?: number | false

  /**
   * How many connections may be opened for callers at one time, so that a burst does not meet the
   * server as a storm of logins. Callers beyond it wait for a connection that comes back, or their
   * turn.
   *
   * An integer from 1 to 100_000, or `false`.
   *
   * @defaultValue `false` (as many as callers wait, up to `max`)
   */
  readonly maxConcurrentCreates?: number | false

  /**
   * Extra connections above `max` for callers that have waited for `overflowAfterMillis`; closed when
   * they come back and nobody waits. Known as `max_overflow` and as a reserve pool elsewhere.
   *
   * An integer from 0 to 100_000.
   *
   * @defaultValue `0` (`max` is the end)
   */
  readonly overflow?: number

  /**
   * Milliseconds that a caller waits before an extra connection is opened for him.
   *
   * An integer from 0 to 2_147_483_647 (milliseconds).
   *
   * @defaultValue `1_000` (one second)
   */
  readonly overflowAfterMillis?: number
}

/** What is done when more is asked of a pool than it has. */
export class Pressure<C extends object> {
  readonly #context: LendingContext<C>
  #overflowing = 0

  constructor(context: LendingContext<C>) {
    this.#context = context
  }

  /** The refusal of one more caller, when too many wait already. */
  refusal(): PoolkeeperError | undefined {
    const { counters, observer, policy } = this.#context
    if (observer !== undefined && this.#isOverfull(observer.policy)) observer.refused('maxPending')
    if (!this.#isOverfull(policy)) return undefined
    counters.acquires.refused++
    const counts = this.#context.counts()
    return new PoolkeeperError(
      'POOL_EXHAUSTED',
      `pool "${policy.name}" lets ${policy.maxPending} callers wait, and no more (${describeCounts(counts, policy.max)})`,
      { pool: policy.name, counts },
    )
  }

  #isOverfull({ max, maxPending }: PoolPolicy): boolean {
    if (maxPending === false) return false
    const { idle, opening, pending } = this.#context.port.counts()
    const isServed = idle > 0 || this.#context.total() < max
    return !isServed && Math.max(0, pending - opening) >= maxPending
  }

  /** Whether one more connection may be opened for a caller now. */
  mayOpen(): boolean {
    const { policy, port } = this.#context
    return policy.maxConcurrentCreates === false || port.counts().opening < policy.maxConcurrentCreates
  }

  /** Opens above `max` for those who have waited long enough; asked in every round. */
  relieve(now: number, mayOpen: () => boolean): void {
    const { policy, port } = this.#context
    if (policy.overflow === 0) return
    const waitedLong = port.waiters().filter(({ since }) => now - since >= policy.overflowAfterMillis).length
    while (this.#overflowing < waitedLong && mayOpen() && this.#context.total() < policy.max + policy.overflow) {
      void this.#open()
    }
  }

  /** Milliseconds until the oldest caller has waited long enough; `Infinity` when nobody waits. */
  nextReliefIn(now: number): number {
    const { policy, port } = this.#context
    const [oldest] = policy.overflow === 0 ? [] : port.waiters()
    return oldest === undefined ? Infinity : Math.max(0, oldest.since + policy.overflowAfterMillis - now)
  }

  async #open(): Promise<void> {
    this.#overflowing++
    try {
      const connection = await this.#context.open()
      // Above max by right while somebody uses it, and closed when it comes back.
      this.#context.surplus ??= 'overflow'
      this.#context.takeIn(connection)
    } catch {
      // Counted and reported where every failed open is.
    } finally {
      this.#overflowing--
    }
  }
}
