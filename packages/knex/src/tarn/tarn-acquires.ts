import { isPoolkeeperError, type Clock, type LendingEvents } from '@poolkeeper/core'
import type { Overrides } from './overrides.ts'
import type { TarnHost } from './tarn-host.ts'
import { exchange, isTarnTimeout, strikeOff, type TarnOperation, type TarnPool } from './tarn-pool.ts'

/** The way from a caller's wish to a connection in his hands, and back. */
export class TarnAcquires<C extends object> {
  readonly #pool: TarnPool<C>
  readonly #tarn: TarnHost<C>
  readonly #events: LendingEvents<C>
  readonly #clock: Clock
  /** Since when callers wait, by tarn's number of the acquire; those served at once are not in it. */
  readonly #waitingSince = new Map<number, number>()
  /** Connections that a caller waits for while they are asked for a sign of life. */
  readonly #asking = new Map<C, { connection: C }>()
  #lentAtOnce = false

  constructor(
    pool: TarnPool<C>,
    overrides: Overrides<TarnPool<C>>,
    tarn: TarnHost<C>,
    events: LendingEvents<C>,
    clock: Clock,
  ) {
    this.#pool = pool
    this.#tarn = tarn
    this.#events = events
    this.#clock = clock
    const { acquire, release } = pool
    overrides.set('acquire', () => this.#acquire(acquire))
    overrides.set('validate', (connection) => this.#validate(connection))
    overrides.set('release', (connection) => this.#release(release, connection))
    this.#listen(overrides, 'acquireSuccess', (id: number, connection: C) => {
      events.acquired(connection, this.#waited(id))
    })
    this.#listen(overrides, 'acquireFail', (id: number, error: unknown) => this.#failed(id, error))
  }

  isAsking(connection: C): boolean {
    return this.#asking.has(connection)
  }

  #listen(overrides: Overrides<TarnPool<C>>, event: string, listener: (...args: never[]) => void): void {
    this.#pool.on(event, listener)
    overrides.onUndo(() => this.#pool.removeListener(event, listener))
  }

  #acquire(acquire: () => TarnOperation<C>): TarnOperation<C> {
    const refusal = this.#events.admit()
    if (refusal !== undefined) return refused(refusal)
    const id = this.#pool.eventId
    this.#lentAtOnce = false
    const operation = acquire.call(this.#pool)
    // A caller that is served within this very call has not waited, and needs no clock.
    if (!this.#lentAtOnce) this.#waitingSince.set(id, this.#clock.now())
    return operation
  }

  #validate(connection: C): boolean | Promise<boolean> {
    const verdict = this.#events.lend(connection)
    if (verdict === false) return false
    if (verdict !== true) return this.#lendChecked(connection, verdict)
    const agrees = this.#tarn.agrees(connection, false)
    this.#lentAtOnce = agrees === true
    return agrees
  }

  async #lendChecked(connection: C, verdict: Promise<boolean>): Promise<boolean> {
    const asked = { connection }
    this.#asking.set(connection, asked)
    try {
      return (await verdict) && (await this.#tarn.agrees(asked.connection, true))
    } finally {
      this.#asking.delete(asked.connection)
    }
  }

  /** The caller that waits for `silent` gets `proven`. */
  exchange(silent: C, proven: C): void {
    const asked = this.#asking.get(silent)
    if (asked === undefined) return
    exchange(this.#pool, silent, proven)
    this.#asking.delete(silent)
    this.#asking.set(proven, asked)
    asked.connection = proven
  }

  #release(release: (connection: C) => boolean, connection: C): boolean {
    const pool = this.#pool
    const verdict = this.#events.returned(connection)
    if (verdict === 'foreign') return false
    if (verdict === 'keep') {
      const released = release.call(pool, connection)
      this.#events.settled()
      return released
    }
    pool._executeEventHandlers('release', connection)
    const released = strikeOff(pool, connection)
    void pool._destroy(connection)
    pool._tryAcquireOrCreate()
    this.#events.settled()
    return released
  }

  #waited(id: number): number {
    const since = this.#waitingSince.get(id)
    if (since === undefined) return 0
    this.#waitingSince.delete(id)
    return this.#clock.now() - since
  }

  #failed(id: number, error: unknown): void {
    const waited = this.#waited(id)
    if (isTarnTimeout(error)) {
      // The host's error stays what it is, and says why in its cause.
      const cause = this.#events.explainTimeout(waited)
      Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true, enumerable: false })
    }
    this.#events.acquireFailed(error, waited, outcomeOf(error))
  }
}

function outcomeOf(error: unknown): 'timedOut' | 'aborted' | 'refused' | 'failed' {
  if (isTarnTimeout(error)) return 'timedOut'
  if (isPoolkeeperError(error)) return 'refused'
  return error instanceof Error && error.message === 'aborted' ? 'aborted' : 'failed'
}

/** An acquire that fails before it began. */
function refused<C>(error: Error): TarnOperation<C> {
  return {
    promise: Promise.reject(error),
    isRejected: true,
    possibleTimeoutCause: null,
    abort: () => {},
    reject: () => {},
  }
}
