import { hasKeeper, registeredKeeper, type LendingKeeper, type PoolKeeper } from '@poolkeeper/core'

/** What a database talks through. Everything that is known of Drizzle's inside stands in this file. */
interface Session {
  readonly client: object
  transaction(...args: unknown[]): Promise<unknown>
}

interface SessionClass {
  readonly prototype: Session
}

interface Lent {
  release(...args: unknown[]): unknown
}

/** How the sessions of one driver come by a connection. */
export interface Sessions {
  readonly acquire: 'connect' | 'getConnection'
  /** The object for which the keeper of a session's client would be registered. */
  poolBelow(client: object): object
}

/** The sessions of this very database: its copy of Drizzle need not be the one that is imported here. */
export function sessionClassOf(db: object): SessionClass | undefined {
  const { session } = db as { readonly session?: object }
  if (typeof (session as Partial<Session> | undefined)?.transaction !== 'function') return undefined
  return { prototype: Object.getPrototypeOf(session) as Session }
}

// Two copies of this package in one process must not do it twice.
const ATTENDED = Symbol.for('poolkeeper.drizzle.transactions/v1')

/**
 * From here on, a transaction of a kept pool gives its connection back whatever becomes of it, and
 * the keeper knows what is asked for within it.
 *
 * Nothing of a configuration leads to the database that `drizzle()` makes of it, so this is done once
 * for the class of all sessions; those of pools that nobody keeps go straight on.
 */
export function attendTransactions(sessions: Sessions, sessionClass: object | undefined): void {
  const { prototype } = (sessionClass ?? {}) as Partial<SessionClass>
  if (prototype === undefined || ATTENDED in prototype) return
  Object.defineProperty(prototype, ATTENDED, { value: true })
  const begin = prototype.transaction
  prototype.transaction = function transaction(this: Session, ...args) {
    const keeper = keeperBelow(sessions, this)
    if (keeper === undefined || keeper.policy.mode === 'observe') return begin.apply(this, args)
    const lease = new Lease()
    const session = Object.create(this, { client: { value: lease.through(this.client, sessions.acquire) } }) as Session
    return lease.endsWith(keeper.tracking.runWithin(transaction, () => begin.apply(session, args)))
  }
}

function keeperBelow({ poolBelow }: Sessions, { client }: Session): LendingKeeper<object> | undefined {
  const pool = poolBelow(client)
  return hasKeeper(pool) ? asLending(registeredKeeper(pool, 'pool')) : undefined
}

function asLending(keeper: PoolKeeper): LendingKeeper<object> | undefined {
  return 'tracking' in keeper ? (keeper as LendingKeeper<object>) : undefined
}

/**
 * The one connection of a transaction. Before 1.0 Drizzle forgets it when its first statement fails:
 * https://github.com/drizzle-team/drizzle-orm/issues/6023
 */
class Lease {
  #lent: Lent | undefined

  /**
   * What the session takes for its pool, by its class and its one method. Not an heir of the pool
   * itself: an object that others inherit from is slow to write to, and a pool is written to all day.
   */
  through(pool: object, acquire: Sessions['acquire']): object {
    const ask = (): Promise<Lent> => (pool as Record<typeof acquire, () => Promise<Lent>>)[acquire]()
    const value = async (): Promise<Lent> => this.#begin(await ask())
    return Object.create(Object.getPrototypeOf(pool) as object, { [acquire]: { value } }) as object
  }

  #begin(lent: Lent): Lent {
    const { release } = lent
    this.#lent = lent
    lent.release = (...args) => {
      this.#lent = undefined
      lent.release = release
      return release.apply(lent, args)
    }
    return lent
  }

  async endsWith(transaction: Promise<unknown>): Promise<unknown> {
    try {
      return await transaction
    } finally {
      this.#lent?.release()
    }
  }
}
