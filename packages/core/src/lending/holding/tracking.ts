import { Origin, Trace, type FrameOwner } from '../../origin.ts'
import type { PolicyValues } from '../../policy/values.ts'
import { ownerNow, runWithin, Scope, scopesWithin } from '../../scope.ts'

/** What is remembered of a lease beyond its facts, where somebody wants to know. */
export interface TrackedLease {
  readonly origin: Origin | undefined
  /** The last statement that was sent within it. */
  lastQuery: string | undefined
  /** Time within it in which this process did not run. */
  excusedMillis: number
  /** It was told that it lasts too long. */
  isReported: boolean
}

const OUTSIDE: readonly Scope[] = Object.freeze([])

/**
 * Who asks and who holds. While nobody wants to know, nothing is remembered, nothing is captured,
 * and Node is not asked to follow anybody's work.
 */
export class Tracking<C extends object> {
  /** Told of a caller that asks while the work that he belongs to holds a connection. */
  onNested: (origin: Origin) => void = () => {}
  /** Told of a lease that nobody can end any more. */
  onCollected: (connection: C, lease: TrackedLease) => void = () => {}
  readonly #leases = new Map<C, TrackedLease>()
  /** Every lease is tracked, and not only those within which others are asked for. */
  #isOn = false
  /** Whether leases are to have scopes. */
  #followsWork = false
  /** Some lease had a scope: from then on, the work is looked up. */
  #hasScopes = false
  /** Where the one who asks in this very call was made. */
  #given: Trace | undefined
  #holders: FinalizationRegistry<{ readonly connection: C; readonly lease: TrackedLease }> | undefined

  constructor(policy: PolicyValues) {
    this.configure(policy)
  }

  configure({ leakThresholdMillis, detectNestedAcquire }: PolicyValues): void {
    this.#isOn = leakThresholdMillis !== false
    this.#followsWork = this.#isOn || detectNestedAcquire !== false
  }

  get isOn(): boolean {
    return this.#isOn
  }

  /** Who asks now; `undefined` when nobody wants to know. */
  origin(above: FrameOwner): Origin | undefined {
    const scopes = this.#hasScopes ? scopesWithin(this) : OUTSIDE
    if (scopes.length === 0 && !this.#isOn) return undefined
    const origin = this.#originIn(scopes, above)
    if (origin.within.length > 0) this.onNested(origin)
    return origin
  }

  #originIn(scopes: readonly Scope[], above: FrameOwner): Origin {
    const within = scopes.filter(({ state }) => state === 'bound')
    const own = scopes.at(-1)
    if (own?.state !== 'new') {
      const trace = this.#given ?? new Trace(above)
      // Whoever else asks within the same call, in a hook, does so on his own account.
      this.#given = undefined
      return new Origin(trace, ownerNow(), within)
    }
    own.state = 'asking'
    return new Origin(own.trace, own.owner, within, own)
  }

  /** Whether any trace may have been taken yet. */
  get isFollowing(): boolean {
    return this.#isOn || this.#hasScopes
  }

  /** For a host that makes what asks long before it asks: where it was made, if anybody wants to know. */
  trace(above: FrameOwner): Trace | undefined {
    const own = this.#hasScopes ? scopesWithin(this).at(-1) : undefined
    // A lease that is about to begin has its trace already.
    return own?.state === 'new' || (own === undefined && !this.#isOn) ? undefined : new Trace(above)
  }

  /** Where the one who asks in this very call was made. */
  get given(): Trace | undefined {
    return this.#given
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

  /**
   * Runs work that asks for a connection at first, and then holds it while its user's code runs.
   * It returns the object through which the connection is held.
   */
  runWithin<T extends object>(above: FrameOwner, work: () => T): T {
    if (!this.#followsWork) return work()
    this.#hasScopes = true
    const scope = new Scope(this, new Trace(above), ownerNow())
    const holder = runWithin(scope, work)
    if (this.#isOn) scope.holder = new WeakRef(holder)
    return holder
  }

  /** A lease begins. */
  began(connection: C, origin: Origin): void {
    const { opens } = origin
    this.#enter(connection, origin)
    if (opens === undefined) return
    opens.state = 'bound'
    const holder = opens.holder?.deref()
    if (holder !== undefined) this.heldThrough(connection, holder)
  }

  #enter(connection: C, origin: Origin | undefined): TrackedLease {
    const lease = { origin, lastQuery: undefined, excusedMillis: 0, isReported: false }
    this.#leases.set(connection, lease)
    return lease
  }

  /** A lease is over. */
  ended(connection: C): TrackedLease | undefined {
    const lease = this.#leases.get(connection)
    if (lease === undefined) return undefined
    this.#leases.delete(connection)
    this.#holders?.unregister(lease)
    if (lease.origin?.opens !== undefined) lease.origin.opens.state = 'over'
    return lease
  }

  heldThrough(connection: C, holder: object): void {
    const lease = this.#leases.get(connection)
    if (lease === undefined || !this.#isOn) return
    this.#holders ??= new FinalizationRegistry((held) => {
      if (this.#leases.get(held.connection) === held.lease) this.onCollected(held.connection, held.lease)
    })
    this.#holders.register(holder, { connection, lease }, lease)
  }

  asked(connection: C, text: string): void {
    const lease = this.#leases.get(connection)
    if (lease !== undefined) lease.lastQuery = text
  }

  lease(connection: C): TrackedLease | undefined {
    return this.#leases.get(connection)
  }

  /** The same; one that began before anybody wanted to know is entered now. */
  leaseOf(connection: C): TrackedLease {
    return this.#leases.get(connection) ?? this.#enter(connection, undefined)
  }

  get size(): number {
    return this.#leases.size
  }
}
