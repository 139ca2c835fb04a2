import { AsyncResource } from 'node:async_hooks'
import { Waiters, type Clock, type Origin, type PoolPolicy, type Waiter } from '@poolkeeper/core'
import type { PendingItem } from './pg-pool.ts'

/** Remembers an async context, at a hundredth of the price of `AsyncLocalStorage.snapshot()`. */
const CONTEXT = ['POOLKEEPER_ACQUIRE', { requireManualDestroy: true }] as const

/**
 * What is known of those in pg-pool's queue: since when they wait, until when, and who asked.
 *
 * Who is served in the turn in which he asked has not waited: he is written down only when he is
 * still there after that, so that an ordinary checkout costs no entry, no clock and no timer.
 */
export class Line {
  readonly #waiters: Waiters<PendingItem>
  readonly #onDeadline: (waiter: PendingItem, since: number) => void
  readonly #written = new WeakSet<PendingItem>()
  readonly #origins = new Map<PendingItem, Origin>()
  readonly #contexts = new WeakMap<PendingItem, AsyncResource>()
  #unwritten = 0
  #timeoutMillis = 0

  constructor(clock: Clock, onDeadline: (waiter: PendingItem, since: number) => void) {
    this.#waiters = new Waiters(clock)
    this.#onDeadline = onDeadline
  }

  /** For those who come from now on. */
  configure({ acquireTimeoutMillis }: PoolPolicy): void {
    this.#timeoutMillis = acquireTimeoutMillis
  }

  waiters(): readonly Waiter[] {
    return this.#waiters.all()
  }

  postpone(millis: number): void {
    this.#waiters.postpone(millis)
  }

  /** So many have come into the queue. */
  came(count: number): void {
    this.#unwritten += count
  }

  askedBy(waiter: PendingItem, origin: Origin): void {
    this.#origins.set(waiter, origin)
  }

  /** Within what he asks now, for a hook that may want to know. */
  rememberContext(waiter: PendingItem): void {
    this.#contexts.set(waiter, new AsyncResource(...CONTEXT))
  }

  contextOf(waiter: PendingItem): AsyncResource | undefined {
    return this.#contexts.get(waiter)
  }

  whoAsked(origin: Origin): PendingItem | undefined {
    for (const [waiter, one] of this.#origins) if (one === origin) return waiter
    return undefined
  }

  /** Those who are left have to wait, from now on by the clock. */
  write(queue: readonly PendingItem[]): void {
    if (this.#unwritten <= 0) return
    for (const waiter of queue) this.writeDown(waiter)
  }

  writeDown(waiter: PendingItem): void {
    if (this.#written.has(waiter)) return
    this.#written.add(waiter)
    this.#unwritten--
    const origin = this.#origins.get(waiter)
    this.#waiters.add(waiter, origin, this.#timeoutMillis, ({ since }) => this.#onDeadline(waiter, since))
  }

  /** He has his answer; `undefined` when he never had to wait. */
  strike(waiter: PendingItem): number | undefined {
    const waited = this.#waiters.take(waiter)
    if (waited === undefined && !this.#written.has(waiter)) this.#unwritten--
    return waited?.since
  }

  takeOrigin(waiter: PendingItem): Origin | undefined {
    if (this.#origins.size === 0) return undefined
    const origin = this.#origins.get(waiter)
    this.#origins.delete(waiter)
    return origin
  }
}
