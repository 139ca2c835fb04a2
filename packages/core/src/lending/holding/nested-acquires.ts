import type { Origin } from '../../origin.ts'
import type { LendingContext } from '../context.ts'
import { placeOf } from './holdings.ts'
import { timesOf } from './misuse.ts'

export interface NestedAcquireOptions {
  /**
   * What is done about work that asks its pool for one more connection while it holds one, as a query
   * does within a transaction that is not sent through that transaction. When all connections are
   * held by work that waits for one more, nobody ever goes on until a deadline passes.
   *
   * `'warn'` reports it: event `nestedAcquire`, with the lines of code of both; a process warning by
   * call site where nobody listens. `'fail'` breaks a deadlock as well: when every connection is held
   * by work that waits, none has a statement under way, and nothing has moved for 100 ms, the youngest
   * of those that wait gets the error `DEADLOCK`. Work that waits for something else than the pool for
   * longer than that, with a query of its own that it does not wait for, looks the same. `false` looks
   * at nothing.
   *
   * Known where the host runs the holder's code itself: Knex's `transaction(container)`, and Drizzle's
   * `transaction()` on node-postgres, neon-serverless and mysql2. From the first such transaction on,
   * Node follows asynchronous work, which up to Node 22 makes all promises of the process slower; see
   * docs/prices.md.
   *
   * `'warn'`, `'fail'` or `false`.
   *
   * @defaultValue `'warn'` (report it, and fail nothing)
   */
  readonly detectNestedAcquire?: 'warn' | 'fail' | false
}

/** Callers that ask for one more connection while their own work holds one. */
export class NestedAcquires<C extends object> {
  readonly #context: LendingContext<C>
  readonly #suspectDeadlock: () => void

  constructor(context: LendingContext<C>, suspectDeadlock: () => void) {
    this.#context = context
    this.#suspectDeadlock = suspectDeadlock
    context.tracking.onNested = (origin) => this.#asked(origin)
  }

  #asked(origin: Origin): void {
    const { policy } = this.#context
    if (policy.detectNestedAcquire === false) return
    this.#report(origin)
    if (policy.detectNestedAcquire === 'fail') this.#suspectDeadlock()
  }

  #report(origin: Origin): void {
    const { reporter } = this.#context
    const holder = origin.within.at(-1)
    if (holder === undefined) return
    const { site, stack, owner } = origin
    const { site: holderSite, stack: holderStack } = holder.trace
    if (reporter.hears('nestedAcquire')) {
      const connection = this.#connectionOf(holder)
      reporter.emit('nestedAcquire', { connection, site, stack, owner, holderSite, holderStack })
      return
    }
    const where = placeOf({ site, owner })
    reporter.warnAt('NESTED_ACQUIRE', `${site} ${holderSite}`, (times) =>
      [
        `a second connection is acquired (${where}) within a transaction that holds one (${holderSite ?? 'at an unknown place'})`,
        `: enough of these at once, and the pool is deadlocked. Send the query through the transaction (trx), or after it${timesOf(times)}`,
      ].join(''),
    )
  }

  #connectionOf(scope: object): number | undefined {
    const { ledger, port, tracking } = this.#context
    const connection = port.lent().find((lent) => tracking.lease(lent)?.origin?.opens === scope)
    return connection && ledger.get(connection)?.id
  }
}
