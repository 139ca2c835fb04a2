import { Origin, Trace, type FrameOwner } from '../origin.ts'
import { ownerNow, runWithin, Scope, scopesWithin } from '../scope.ts'

/** What is remembered of a lease beyond its facts, where somebody wants to know. */
export interface TrackedLease {
  readonly origin: Origin | undefined
  /** The last statement that was sent within it. */
  lastQuery: string | undefined
}

const OUTSIDE: readonly Scope[] = Object.freeze([])

/**
 * Who asks and who holds. While nobody wants to know, nothing is remembered, nothing is captured,
 * and Node is not asked to follow anybody's work.
 */
export class Tracking<C extends object> {
  readonly #leases = new Map<C, TrackedLease>()
  /** Somebody's lease has a scope: from then on, work is looked up. */
  #hasScopes = false
  /** Where the one who asks in this very call was made. */
  #given: Trace | undefined

  /** Whether every lease is tracked, and not only those within which others are asked for. */
  readonly isOn: boolean = false

  /** Who asks now; `undefined` when nobody wants to know. */
  origin(above: FrameOwner): Origin | undefined {
    const within = this.#hasScopes ? scopesWithin(this) : OUTSIDE
    if (within.length === 0 && !this.isOn) return undefined
    const own = within.at(-1)
    if (own?.state === 'new') {
      own.state = 'asking'
      return new Origin(own.trace, own.owner, within.slice(0, -1).filter(isBound), own)
    }
    return new Origin(this.#given ?? new Trace(above), ownerNow(), within.filter(isBound))
  }

  /** For a host that makes what asks long before it asks: where it was made, if anybody wants to know. */
  trace(above: FrameOwner): Trace | undefined {
    return this.isOn || (this.#hasScopes && scopesWithin(this).length > 0) ? new Trace(above) : undefined
  }

  /** Whoever asks within this call was made there. */
  askingFrom<T>(trace: Trace, ask: () => T): T {
    const before = this.#given
    this.#given = trace
    try {
      return ask()
    } finally {
      this.#given = before
    }
  }

  /** Runs work that asks for a connection at first, and then holds it while its user's code runs. */
  runWithin<T>(above: FrameOwner, work: (scope: Scope) => T): T {
    this.#hasScopes = true
    const scope = new Scope(this, new Trace(above), ownerNow())
    return runWithin(scope, () => work(scope))
  }

  /** A lease begins. */
  began(connection: C, origin: Origin): void {
    const { opens } = origin
    if (opens !== undefined) opens.state = 'bound'
    this.#leases.set(connection, { origin, lastQuery: undefined })
  }

  /** A lease is over. */
  ended(connection: C): void {
    const lease = this.#leases.get(connection)
    if (lease === undefined) return
    this.#leases.delete(connection)
    if (lease.origin?.opens !== undefined) lease.origin.opens.state = 'over'
  }

  asked(connection: C, text: string): void {
    const lease = this.#leases.get(connection)
    if (lease !== undefined) lease.lastQuery = text
  }

  lease(connection: C): TrackedLease | undefined {
    return this.#leases.get(connection)
  }

  get size(): number {
    return this.#leases.size
  }
}

function isBound({ state }: Scope): boolean {
  return state === 'bound'
}
