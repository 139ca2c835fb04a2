import { connectWithCredentials } from '../credentials/connect-with-credentials.ts'
import { PoolkeeperError } from '../errors.ts'
import type { LendingEvents, Opening } from '../port.ts'
import { refusalOf, type SimulatedConnect, type SimulatedConnection, type SimulatedServer } from './simulated-server.ts'
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

  /** Without `attending` nobody attends the pool, and no credentials are asked for. */
  start(
    timeoutMillis: number,
    attending: LendingEvents<SimulatedConnection> | undefined,
    events: ConnectEvents,
  ): Opening<SimulatedConnection> {
    const { connection: arriving, abort } = this.#dial(attending)
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

  #dial(events: LendingEvents<SimulatedConnection> | undefined): SimulatedConnect {
    if (events === undefined) return this.#connect(undefined)
    let isAborted = false
    let abort = (): void => {}
    const connection = connectWithCredentials({
      events,
      refusalOf,
      connect: (credentials) => {
        if (isAborted) return Promise.reject(new Error('given up'))
        const connect = this.#connect(credentials?.password)
        abort = () => connect.abort()
        return connect.connection
      },
    })
    const giveUp = (): void => {
      isAborted = true
      abort()
    }
    return { connection, abort: giveUp }
  }

  /** A driver may throw where it should reject; hosts make one of the other. */
  #connect(password: string | undefined): SimulatedConnect {
    try {
      return this.#server.connect(password)
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
