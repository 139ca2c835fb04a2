import { Trace, type FrameOwner } from '../../origin.ts'
import type { Facts, LendingContext } from '../context.ts'

/**
 * `releasedTwice`: given back by somebody who does not hold it any more. `foreignRelease`: never
 * was of this pool. `usedAfterRelease`: a statement on a connection that nobody holds; told while
 * leaks are tracked.
 */
export type MisuseKind = 'releasedTwice' | 'foreignRelease' | 'usedAfterRelease'

const WORDS: Readonly<Record<MisuseKind, string>> = {
  releasedTwice: 'was released by somebody who does not hold it any more; without this pool watching, the next caller would have lost it',
  foreignRelease: 'was released that never was of this pool',
  usedAfterRelease: 'was used by somebody who has given it back; the next caller would find in it whatever was left there',
}

/**
 * How connections left their pools, beyond the life of a keeper: closed under its holder, who may
 * still release it, or after he had. In a host whose pool was closed and made anew, the same caller
 * meets another keeper.
 */
const LEFT = new WeakMap<object, 'underHolder' | 'free'>()

/** What callers do to connections that are not theirs. It is told, and changes nothing. */
export class Misuse<C extends object> {
  readonly #context: LendingContext<C>

  constructor(context: LendingContext<C>) {
    this.#context = context
  }

  /** Taken from its holder, or gone: what he still does with it is no misuse. */
  left(connection: C, { held }: Facts): void {
    if (LEFT.get(connection) === undefined) LEFT.set(connection, held ? 'underHolder' : 'free')
  }

  taken(connection: C): void {
    LEFT.set(connection, 'underHolder')
  }

  /** Given back by somebody who does not hold it. */
  released(connection: C, facts: Facts | undefined, above: FrameOwner): void {
    const left = LEFT.get(connection)
    if (left === 'underHolder') return
    const kind = facts === undefined && left === undefined ? 'foreignRelease' : 'releasedTwice'
    this.#report(kind, facts, new Trace(above))
  }

  /** A statement was sent on a connection that nobody holds. */
  used(connection: C, facts: Facts): void {
    if (LEFT.get(connection) === 'underHolder') return
    this.#report('usedAfterRelease', facts, this.#context.tracking.given)
  }

  #report(misuse: MisuseKind, facts: Facts | undefined, trace: Trace | undefined): void {
    const { reporter } = this.#context
    const { stack, site } = trace ?? {}
    if (reporter.hears('misused')) {
      reporter.emit('misused', { misuse, connection: facts?.id, site, stack })
      return
    }
    reporter.warnAt('MISUSED', `${misuse} ${site}`, (times) => misuseText(misuse, site, times))
  }
}

export function misuseText(misuse: MisuseKind, site: string | undefined, times: number): string {
  const where = site === undefined ? '' : `, at ${site}`
  return `a connection ${WORDS[misuse]}${where}${timesOf(times)}`
}

export function timesOf(times: number): string {
  return times === 1 ? '' : ` (${times} times since the last warning)`
}
