import {
  connectWithCredentials,
  PoolkeeperError,
  type Clock,
  type LendingEvents,
  type Opening,
  type PoolCredentials,
  type PoolPolicy,
  type Timer,
} from '@poolkeeper/core'
import { mysql2Driver } from '@poolkeeper/drivers'
import { connectTimeout } from './host-errors.ts'
import { tell } from './host-events.ts'
import {
  markReleased,
  openConnection,
  strikeOff,
  type GetConnectionCallback,
  type Mysql2Pool,
  type PoolConnection,
} from './mysql2-pool.ts'

interface Attempt {
  readonly number: number
  readonly startedAt: number
  /** Asked for by the keeper: stays out of the free list until it says so. */
  readonly isHeld: boolean
  readonly resolve: (connection: PoolConnection) => void
  readonly reject: (error: unknown) => void
  /** What is being connected, once it is known with what. */
  connection: PoolConnection | undefined
  timer: Timer | undefined
  /** Connected, and the keeper makes it fit. */
  isPreparing: boolean
}

/** What opening needs of its neighbours. */
export interface OpenNeighbours {
  policy(): PoolPolicy
  /** Enters a new connection into the books. */
  adopt(connection: PoolConnection): void
  /** The keeper knows it; it stays out of the free list only if it is held. */
  opened(connection: PoolConnection, isHeld: boolean): void
  /** An attempt that was begun for callers failed; with an error, that is the answer to one of them. */
  failed(error: unknown): void
}

/** The way from nothing to an open connection. */
export class Opens {
  readonly #pool: Mysql2Pool
  readonly #hostGetConnection: Mysql2Pool['getConnection']
  readonly #events: LendingEvents<PoolConnection>
  readonly #clock: Clock
  readonly #neighbours: OpenNeighbours
  readonly #attempts = new Set<Attempt>()
  #isDetached = false

  constructor(pool: Mysql2Pool, events: LendingEvents<PoolConnection>, clock: Clock, neighbours: OpenNeighbours) {
    this.#pool = pool
    this.#hostGetConnection = pool.getConnection
    this.#events = events
    this.#clock = clock
    this.#neighbours = neighbours
  }

  get count(): number {
    return this.#attempts.size
  }

  /** Attempts that stand in mysql2's own list already. */
  get listed(): number {
    if (this.#attempts.size === 0) return 0
    let listed = 0
    for (const { connection } of this.#attempts) if (connection !== undefined) listed++
    return listed
  }

  isOpening(connection: PoolConnection): boolean {
    return [...this.#attempts].some((attempt) => attempt.connection === connection)
  }

  openForCallers(): void {
    this.#start(false, { resolve: () => {}, reject: () => {} })
  }

  /** A connection for the keeper. */
  open(): Opening<PoolConnection> {
    const { promise, ...settle } = deferred<PoolConnection>()
    const attempt = this.#start(true, settle)
    return { connection: promise, abandon: () => this.#giveUp(attempt) }
  }

  abandon(before: number): void {
    for (const attempt of [...this.#attempts]) if (attempt.startedAt < before) this.#giveUp(attempt)
  }

  /** What still arrives is mysql2's, whoever asked for it. */
  detach(): void {
    this.#isDetached = true
    for (const { timer, isHeld, reject } of this.#attempts) {
      timer?.cancel()
      if (isHeld) reject(new Error('the keeper was detached'))
    }
  }

  #start(isHeld: boolean, settle: Pick<Attempt, 'resolve' | 'reject'>): Attempt {
    const number = this.#events.opening()
    const startedAt = this.#clock.now()
    const attempt: Attempt = { number, startedAt, isHeld, ...settle, connection: undefined, timer: undefined, isPreparing: false }
    this.#attempts.add(attempt)
    // Its versions differ in how much of the handshake mysql2's own timer watches over.
    attempt.timer = this.#clock.after(this.#neighbours.policy().connectTimeoutMillis, () =>
      this.#clock.afterInput(() => this.#drop(attempt, connectTimeout())),
    )
    const connecting = connectWithCredentials({
      events: this.#events,
      refusalOf: (error) => mysql2Driver.refusalOf(error),
      connect: (credentials) => this.#connect(attempt, credentials),
    })
    connecting.then(
      (connection) => void this.#prepare(attempt, connection),
      (error: unknown) => this.#failed(attempt, error),
    )
    return attempt
  }

  #connect(attempt: Attempt, credentials: PoolCredentials | undefined): Promise<PoolConnection> {
    const { connectTimeoutMillis } = this.#neighbours.policy()
    const settings = { connectTimeout: connectTimeoutMillis, ...settingsOf(credentials) }
    return new Promise((resolve, reject) => {
      // Given up while its credentials were fetched.
      if (!this.#attempts.has(attempt)) throw new Error('the attempt to connect was given up')
      attempt.connection = openConnection(this.#pool, this.#hostGetConnection, settings, (error, connection) => {
        if (connection !== undefined) {
          resolve(connection)
          return
        }
        this.#forget(attempt)
        reject(error ?? new Error('mysql2 gave neither a connection nor an error'))
      })
    })
  }

  /** Within the connect, and its deadline. */
  async #prepare(attempt: Attempt, connection: PoolConnection): Promise<void> {
    if (!this.#attempts.has(attempt)) return
    const preparing = this.#isDetached ? undefined : this.#events.prepare(connection)
    if (preparing === undefined) {
      this.#succeeded(attempt, connection)
      return
    }
    // mysql2 minds one error of it; a second one, with nobody listening, would end the process.
    const ignore = (): void => {}
    connection.on('error', ignore)
    attempt.isPreparing = true
    try {
      await preparing
      attempt.isPreparing = false
      this.#succeeded(attempt, connection)
      connection.removeListener('error', ignore)
    } catch (error) {
      attempt.isPreparing = false
      this.#drop(attempt, error)
    }
  }

  #succeeded(attempt: Attempt, connection: PoolConnection): void {
    if (!this.#attempts.delete(attempt)) return
    attempt.timer?.cancel()
    if (this.#isDetached) {
      markReleased(connection, true)
      tell(this.#pool, 'connection', connection)
      this.#pool.releaseConnection(connection)
      return
    }
    this.#neighbours.adopt(connection)
    this.#events.opened(attempt.number, connection)
    // Its death came before anybody watched it.
    if (mysql2Driver.isBroken(connection)) this.#events.died(connection, new Error('the connection died while it was opened'))
    this.#neighbours.opened(connection, attempt.isHeld)
    if (attempt.isHeld) attempt.resolve(connection)
  }

  #failed(attempt: Attempt, error: unknown): void {
    if (!this.#attempts.delete(attempt)) return
    attempt.timer?.cancel()
    this.#forget(attempt)
    if (this.#isDetached) {
      const oldest = this.#pool._connectionQueue.shift() as GetConnectionCallback | undefined
      oldest?.(error as Error)
      return
    }
    const answer = this.#events.openFailed(attempt.number, error)
    if (attempt.isHeld) attempt.reject(error)
    else this.#neighbours.failed(answer === 'fail' ? error : undefined)
  }

  #forget(attempt: Attempt): void {
    if (attempt.connection !== undefined) strikeOff(this.#pool, attempt.connection)
    attempt.connection = undefined
  }

  #giveUp(attempt: Attempt): void {
    this.#drop(attempt, new PoolkeeperError('CONNECT_FAILED', 'the attempt to connect got no answer and was given up'))
  }

  #drop(attempt: Attempt, error: unknown): void {
    if (!this.#attempts.has(attempt)) return
    const { connection, isPreparing } = attempt
    this.#forget(attempt)
    if (connection !== undefined) mysql2Driver.destroy(connection)
    if (connection !== undefined && isPreparing) this.#events.abandoned(connection)
    this.#failed(attempt, error)
  }
}

function settingsOf(credentials: PoolCredentials | undefined): object {
  if (credentials === undefined) return {}
  const { user, password } = credentials
  // A digest in mysql2's own options would be sent in its place.
  return { ...(user !== undefined && { user }), password, passwordSha1: undefined }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
