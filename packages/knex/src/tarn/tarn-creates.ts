import { PoolkeeperError, type Clock, type LendingEvents, type Opening, type Overrides } from '@poolkeeper/core'
import type { TarnHost } from './tarn-host.ts'
import { serveAll, type TarnOperation, type TarnPool } from './tarn-pool.ts'

/** What tarn is doing for one of its operations. */
interface Operation<C> {
  readonly startedAt: number
  readonly abort: () => void
  /** The host's connect has ended, one way or the other. */
  isAnswered: boolean
  isOver: boolean
  /** Connected, while the keeper makes it fit. */
  preparing: C | undefined
}

interface Attempt {
  readonly number: number
  /** Asked for by the keeper: stays out of the free list until it says so. */
  readonly held: boolean
  /** What the keeper said of its failure; nobody says anything any more once it is detached. */
  answer: 'fail' | 'retry'
}

/** What creating needs of its neighbours. */
export interface CreateNeighbours<C> {
  /** Enters a new connection into the books of those to be closed. */
  adopt(connection: C): void
  hold(connection: C): void
  /** Destroys one that is in no books yet. */
  destroyUnready(connection: C): void
  /** Connections that are being closed: sockets still. */
  closing(): number
}

/** The way from nothing to an open connection. */
export class TarnCreates<C extends object> {
  readonly #pool: TarnPool<C>
  readonly #tarn: TarnHost<C>
  readonly #events: LendingEvents<C>
  readonly #clock: Clock
  readonly #neighbours: CreateNeighbours<C>
  readonly #attempts = new Map<number, Attempt>()
  readonly #operations = new Map<TarnOperation<C>, Operation<C>>()
  #holdNext = false
  /** tarn calls its creator within the call that begins the operation. */
  #beginning: Operation<C> | undefined

  constructor(
    pool: TarnPool<C>,
    overrides: Overrides<TarnPool<C>>,
    tarn: TarnHost<C>,
    events: LendingEvents<C>,
    clock: Clock,
    neighbours: CreateNeighbours<C>,
  ) {
    this.#pool = pool
    this.#tarn = tarn
    this.#events = events
    this.#clock = clock
    this.#neighbours = neighbours
    const connect = pool.creator
    overrides.set('creator', () => this.#create(connect))
    overrides.set('_doCreate', () => this.#createForWaiter())
    // A connection that is being closed is a socket still: `max` counts it.
    overrides.set('_shouldCreateMoreResources', () => {
      const { used, pendingCreates, pendingAcquires, max } = pool
      const sockets = used.length + pendingCreates.length + neighbours.closing()
      return sockets < max && pendingCreates.length < pendingAcquires.length && events.mayOpen()
    })
    this.#listen(overrides, 'createRequest', (id: number) => this.#requested(id))
    this.#listen(overrides, 'createSuccess', (id: number, connection: C) => this.#succeeded(id, connection))
    this.#listen(overrides, 'createFail', (id: number, error: unknown) => this.#failed(id, error))
  }

  #listen(overrides: Overrides<TarnPool<C>>, event: string, listener: (...args: never[]) => void): void {
    this.#pool.on(event, listener)
    overrides.onUndo(() => this.#pool.removeListener(event, listener))
  }

  /** A connection for the keeper. */
  open(): Opening<C> {
    this.#holdNext = true
    const { operation } = this.#start()
    this.#holdNext = false
    return { connection: operation.promise, abandon: () => this.#giveUp(operation) }
  }

  abandon(before: number): void {
    for (const [operation, { startedAt }] of [...this.#operations]) {
      if (startedAt < before) this.#giveUp(operation)
    }
  }

  #giveUp(operation: TarnOperation<C>): void {
    if (!this.#operations.has(operation)) return
    operation.reject(new PoolkeeperError('CONNECT_FAILED', 'the attempt to connect got no answer and was given up'))
  }

  #start(): { readonly operation: TarnOperation<C>; readonly attempt: Attempt | undefined } {
    const id = this.#pool.eventId
    const entry: Operation<C> = {
      startedAt: this.#clock.now(),
      abort: this.#tarn.connecting(),
      isAnswered: false,
      isOver: false,
      preparing: undefined,
    }
    this.#beginning = entry
    const operation = this.#pool._create()
    this.#beginning = undefined
    this.#operations.set(operation, entry)
    const end = (): void => {
      entry.isOver = true
      this.#operations.delete(operation)
      if (entry.preparing !== undefined) this.#events.abandoned(entry.preparing)
    }
    // By its deadline or because it was given up: the socket that a silent network swallowed goes as well.
    operation.promise.then(end, () => {
      end()
      if (!entry.isAnswered) entry.abort()
    })
    return { operation, attempt: this.#attempts.get(id) }
  }

  /** The host's connect, and what the keeper does to make the connection fit: one attempt, one deadline. */
  async #create(connect: TarnPool<C>['creator']): Promise<C> {
    const entry = this.#beginning
    const connection = await connected(this.#pool, connect).finally(() => {
      if (entry !== undefined) entry.isAnswered = true
    })
    // Given up meanwhile: tarn destroys what arrives late.
    if (entry?.isOver === true) return connection
    const preparing = this.#events.prepare(connection)
    if (preparing === undefined) return connection
    if (entry !== undefined) entry.preparing = connection
    try {
      await preparing
    } catch (error) {
      this.#neighbours.destroyUnready(connection)
      throw error
    } finally {
      if (entry !== undefined) entry.preparing = undefined
    }
    return connection
  }

  /** tarn's own way, but that the keeper says whether its failure is a caller's answer. */
  #createForWaiter(): void {
    const pool = this.#pool
    const waiters = [...pool.pendingAcquires]
    const { operation, attempt } = this.#start()
    operation.promise.then(
      () => serveAll(pool),
      (error: unknown) => {
        if (pool.destroyed) return
        // What is told at a deadline, if nothing better comes.
        for (const waiter of waiters) waiter.possibleTimeoutCause = error
        if (attempt?.answer === 'retry') serveAll(pool)
        else this.#failOldest(error)
      },
    )
  }

  #failOldest(error: unknown): void {
    const pool = this.#pool
    if (pool.propagateCreateError) pool.pendingAcquires[0]?.reject(error)
    const retry = setTimeout(() => {
      const index = pool.pendingRetryTimers?.indexOf(retry) ?? -1
      if (index !== -1) pool.pendingRetryTimers?.splice(index, 1)
      serveAll(pool)
    }, pool.createRetryIntervalMillis)
    pool.pendingRetryTimers?.push(retry)
  }

  /** tarn tells of a request within the very call that makes it. */
  #requested(id: number): void {
    this.#attempts.set(id, { number: this.#events.opening(), held: this.#holdNext, answer: 'fail' })
  }

  #succeeded(id: number, connection: C): void {
    const attempt = this.#attempts.get(id)
    this.#attempts.delete(id)
    this.#neighbours.adopt(connection)
    if (attempt === undefined) {
      // Begun before the keeper's time.
      this.#events.adopted(connection, false)
      return
    }
    // Within tarn's own call: nobody else has seen it in the free list yet.
    if (attempt.held) this.#neighbours.hold(connection)
    this.#events.opened(attempt.number, connection)
    // Its death came before anybody watched it.
    if (this.#tarn.isBroken(connection)) this.#events.died(connection, new Error('the connection died while it was opened'))
  }

  #failed(id: number, error: unknown): void {
    const attempt = this.#attempts.get(id)
    if (attempt === undefined) return
    this.#attempts.delete(id)
    attempt.answer = this.#events.openFailed(attempt.number, error)
  }
}

/** In either of the ways in which tarn lets a creator answer. */
function connected<C extends object>(pool: TarnPool<C>, connect: TarnPool<C>['creator']): Promise<C> {
  return new Promise((resolve, reject) => {
    const callback = (error: Error, connection?: C): void => {
      if (connection === undefined) reject(error)
      else resolve(connection)
    }
    Promise.resolve(connect.call(pool, callback)).then((connection) => {
      if (connection) resolve(connection as C)
    }, reject)
  })
}
