import { Overrides, type Clock, type LendingEvents } from '@poolkeeper/core'
import { mysql2Driver, watchEmitter } from '@poolkeeper/drivers'
import type { Answers } from './answers.ts'
import { strikeOff, type Mysql2Pool, type PoolConnection } from './mysql2-pool.ts'

/** A peer that does not answer a farewell by then is not there any more. */
const FAREWELL_MILLIS = 1_000

const NEVER: Promise<void> = new Promise(() => {})

/** What closing needs of its neighbours. */
export interface CloseNeighbours {
  /** Connections that the keeper has taken out of the free list. */
  readonly withdrawn: Set<PoolConnection>
  readonly answers: Answers
  isLent(connection: PoolConnection): boolean
  /** Room was made. */
  wake(): void
}

/** The way from an open connection to none, whoever decided it. */
export class Closes {
  readonly #pool: Mysql2Pool
  readonly #events: LendingEvents<PoolConnection>
  readonly #clock: Clock
  readonly #neighbours: CloseNeighbours
  /** Connections in the books, with the undo of what was put onto them. */
  readonly #open = new Map<PoolConnection, () => void>()
  readonly #closing = new Map<PoolConnection, Promise<void>>()

  constructor(pool: Mysql2Pool, events: LendingEvents<PoolConnection>, clock: Clock, neighbours: CloseNeighbours) {
    this.#pool = pool
    this.#events = events
    this.#clock = clock
    this.#neighbours = neighbours
  }

  get count(): number {
    return this.#closing.size
  }

  isOpen(connection: PoolConnection): boolean {
    return this.#open.has(connection)
  }

  adopt(connection: PoolConnection): void {
    const overrides = new Overrides(connection)
    const { addCommand, handlePacket } = connection
    const { answers } = this.#neighbours
    overrides.set('addCommand', (command) => {
      answers.asked(connection, command)
      return addCommand.call(connection, command)
    })
    overrides.set('handlePacket', (packet) => {
      if (packet !== undefined) answers.read(connection, packet)
      return handlePacket.call(connection, packet)
    })
    overrides.onUndo(this.#watch(connection))
    this.#open.set(connection, () => overrides.undo())
  }

  /** Before mysql2 itself, which takes a dying connection out of the pool at its first word. */
  #watch(connection: PoolConnection): () => void {
    const emitter = {
      on: (event: string, listener: () => void) => connection.prependListener(event, listener),
      removeListener: (event: string, listener: () => void) => connection.removeListener(event, listener),
    }
    return watchEmitter(emitter, (error) => this.#events.died(connection, error))
  }

  /** Nothing, when it is not in the books any more. */
  close(connection: PoolConnection, hard: boolean): Promise<void> {
    if (!this.#open.has(connection)) return this.#closing.get(connection) ?? Promise.resolve()
    return this.#begin(connection, (isDead) => {
      if (hard || isDead || mysql2Driver.isBroken(connection)) mysql2Driver.destroy(connection)
      else connection._realEnd(() => {})
    })
  }

  /**
   * mysql2, or its user, has taken it out of the pool and closes it: that is only waited for. Whoever
   * held it holds nothing any more, and what he gives back later is nobody's.
   */
  left(connection: PoolConnection): void {
    if (!this.#open.has(connection)) return
    const wasLent = this.#neighbours.isLent(connection)
    const left = (): void => {
      if (!wasLent) return
      // It is condemned by now, so there is nothing to await.
      void this.#events.returned(connection, left)
      this.#events.settled()
    }
    void this.#begin(connection, left)
  }

  #begin(connection: PoolConnection, sayGoodbye: (isDead: boolean) => void): Promise<void> {
    this.#open.delete(connection)
    this.#neighbours.withdrawn.delete(connection)
    strikeOff(this.#pool, connection)
    // In the books before anybody hears of it, so that nobody counts one connection too few.
    this.#closing.set(connection, NEVER)
    // What was put onto it stays: a dying connection may still raise errors, and nobody else may be listening.
    sayGoodbye(this.#events.closing(connection))
    const closing = this.#socketClosed(connection).then(() => {
      this.#closing.delete(connection)
      this.#neighbours.answers.forget(connection)
      this.#events.closed(connection)
      this.#neighbours.wake()
    })
    this.#closing.set(connection, closing)
    return closing
  }

  async #socketClosed(connection: PoolConnection): Promise<void> {
    const timer = this.#clock.after(FAREWELL_MILLIS, () => mysql2Driver.destroy(connection))
    await mysql2Driver.whenClosed?.(connection)
    timer.cancel()
  }

  detach(): void {
    for (const undo of this.#open.values()) undo()
    this.#open.clear()
  }
}
