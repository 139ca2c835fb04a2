import type { CloseReason } from '../../close-reason.ts'
import type { Facts, LendingContext } from '../context.ts'
import { placeOf } from './holdings.ts'
import { timesOf } from './misuse.ts'
import type { TrackedLease } from './tracking.ts'

export interface LeakOptions {
  /**
   * Milliseconds after which a connection that is still held is reported as leaked: event `leaked`,
   * once for each lease, with the line of code that acquired it, its stack, the label of its owner and
   * the last statement; a process warning by call site where nobody listens. Time in which this
   * process did not run is not counted.
   *
   * Bites when a caller forgets to give a connection back, or holds it while he waits for something
   * else. Choose it longer than your longest transaction. While it is set, each acquire captures its
   * stack, at the price of a few microseconds.
   *
   * An integer from 100 to 2_147_483_647 (milliseconds), or `false`.
   *
   * @defaultValue `false` (nothing is tracked)
   */
  readonly leakThresholdMillis?: number | false

  /**
   * Takes a leaked connection back: it is closed hard with the reason `leak`, its place is free, and
   * who waits is served. A late release is ignored; a late statement fails. Never while a statement
   * is known to be under way on it.
   *
   * Bites holders that are slow rather than lost: their transaction is gone under them. Choose
   * `leakThresholdMillis` accordingly; without it, this is refused.
   *
   * `true` or `false`.
   *
   * @defaultValue `false` (a leak is only reported)
   */
  readonly reclaimLeaks?: boolean
}

/** A round that comes later than this did not wait for a timer alone: this process did not run. */
const LATE_FROM_MILLIS = 50

/** Stacks of leases that last longer become text; until then they keep alive what their frames hold. */
const SHORT_MILLIS = 100

/** Connections that are held for too long, or that nobody is left to give back. */
export class Leaks<C extends object> {
  readonly #context: LendingContext<C>
  readonly #takeBack: (connection: C, reason: CloseReason) => void

  constructor(context: LendingContext<C>, takeBack: (connection: C, reason: CloseReason) => void) {
    this.#context = context
    this.#takeBack = takeBack
    context.tracking.onCollected = (connection, lease) => this.#collected(connection, lease)
  }

  /** One look at all that is held; `lateBy` is how much later it comes than it should. */
  look(now: number, lateBy: number): void {
    const { ledger, policy, port, tracking } = this.#context
    if (policy.leakThresholdMillis === false) return
    for (const connection of port.lent()) {
      const facts = ledger.get(connection)
      if (facts?.held !== true || facts.lentAt === Infinity) continue
      const lease = tracking.leaseOf(connection)
      const since = now - facts.lentAt
      if (lateBy >= LATE_FROM_MILLIS) lease.excusedMillis += Math.min(lateBy, since)
      if (since >= SHORT_MILLIS) lease.origin?.settle()
      const heldMillis = since - lease.excusedMillis
      if (heldMillis >= policy.leakThresholdMillis) this.#found(connection, facts, lease, heldMillis, false)
    }
  }

  #collected(connection: C, lease: TrackedLease): void {
    const { clock, ledger } = this.#context
    const facts = ledger.get(connection)
    if (facts?.held !== true || facts.lentAt === Infinity) return
    this.#found(connection, facts, lease, clock.now() - facts.lentAt - lease.excusedMillis, true)
  }

  #found(connection: C, facts: Facts, lease: TrackedLease, heldMillis: number, collected: boolean): void {
    const { counters, declared, observer, port } = this.#context
    if (!lease.isReported) {
      lease.isReported = true
      counters.leaks++
      this.#report(facts, lease, heldMillis, collected)
    }
    if (!declared.reclaimLeaks || port.isBusy(connection) === true) return
    if (observer === undefined) this.#takeBack(connection, 'leak')
    else observer.retired(facts, 'leak')
  }

  #report({ id }: Facts, lease: TrackedLease, heldMillis: number, collected: boolean): void {
    const { reporter } = this.#context
    const { origin, lastQuery } = lease
    const { site, stack, owner } = origin ?? {}
    const heldAtSite = this.#heldAt(site)
    if (reporter.hears('leaked')) {
      reporter.emit('leaked', { connection: id, heldMillis, site, stack, owner, lastQuery, heldAtSite, collected })
      return
    }
    reporter.warnAt('LEAKED', String(site), (times) => {
      const how = collected ? 'nobody is left who could give it back' : `held for ${(heldMillis / 1_000).toFixed(1)} s`
      const last = lastQuery === undefined ? '' : `; last statement: ${lastQuery.slice(0, 200)}`
      return `a connection acquired by ${placeOf({ site, owner })} has leaked: ${how}, ${heldAtSite} held from there now${last}${timesOf(times)}`
    })
  }

  #heldAt(site: string | undefined): number {
    const { port, tracking } = this.#context
    return port.lent().filter((connection) => tracking.lease(connection)?.origin?.site === site).length
  }

  /** A lease is over, however late. */
  ended({ id }: Facts, { origin, isReported }: TrackedLease, heldMillis: number): void {
    const { reporter } = this.#context
    if (isReported && reporter.hears('leakEnded')) {
      reporter.emit('leakEnded', { connection: id, heldMillis, site: origin?.site })
    }
  }
}
