import { PoolkeeperError } from '../errors.ts'
import type { Opening } from '../port.ts'
import type { SimulatedConnection, SimulatedServer } from './simulated-server.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** What an attempt to connect tells, in the order in which it happens. */
export interface ConnectEvents {
  failed(error: Error): void
  /** Connected; rejects when the connection is not to be had all the same. */
  prepare(connection: SimulatedConnection): Promise<void> | undefined
  /** Whoever waited for `prepare` has given up. */
  abandoned(connection: SimulatedConnection): void
  opened(connection: SimulatedConnection): void
}

interface Attempt {
  readonly startedAt: number
  giveUp: () => void
  preparing: SimulatedConnection | undefined
}

/** Attempts to connect that are under way, each with its own deadline. */
export class SimulatedConnects {
  readonly #server: SimulatedServer
  readonly #clock: VirtualClock
  readonly #attempts = new Set<Attempt>()

  constructor(server: SimulatedServer, clock: VirtualClock) {
    this.#server = server
    this.#clock = clock
  }

  get count(): number {
    return this.#attempts.size
  }

  start(timeoutMillis: number, events: ConnectEvents): Opening<SimulatedConnection> {
    const { connection: arriving, abort } = this.#connect()
    const attempt: Attempt = { startedAt: this.#clock.now(), giveUp: () => {}, preparing: undefined }
    this.#attempts.add(attempt)
    const connection = new Promise<SimulatedConnection>((resolve, reject) => {
      const end = (): boolean => {
        deadline.cancel()
        return this.#attempts.delete(attempt)
      }
      const fail = (error: Error): void => {
        if (!end()) return
        abort()
        events.failed(error)
        reject(error)
        if (attempt.preparing !== undefined) events.abandoned(attempt.preparing)
      }
      const deadline = this.#clock.after(timeoutMillis, () => fail(new Error('connect timed out')))
      attempt.giveUp = () => fail(new PoolkeeperError('CONNECT_FAILED', 'the attempt to connect was given up'))
      arriving
        .then((arrived) => this.#prepared(attempt, arrived, events))
        .then((arrived) => {
          if (!end()) return void this.#server.close(arrived, true)
          events.opened(arrived)
          resolve(arrived)
        })
        .catch(fail)
    })
    return { connection, abandon: () => attempt.giveUp() }
  }

  /** A driver may throw where it should reject; hosts make one of the other. */
  #connect(): ReturnType<SimulatedServer['connect']> {
    try {
      return this.#server.connect()
    } catch (error) {
      const rejects = async (): Promise<never> => {
        throw error
      }
      return { connection: rejects(), abort: () => {} }
    }
  }

  async #prepared(attempt: Attempt, arrived: SimulatedConnection, { prepare }: ConnectEvents): Promise<SimulatedConnection> {
    if (!this.#attempts.has(attempt)) return arrived
    attempt.preparing = arrived
    try {
      await prepare(arrived)
    } catch (error) {
      void this.#server.close(arrived, true)
      throw error
    } finally {
      attempt.preparing = undefined
    }
    return arrived
  }

  abandon(before: number): void {
    for (const attempt of this.#attempts) if (attempt.startedAt < before) attempt.giveUp()
  }
}
