import type { Clock } from '../clock.ts'
import type { ConnectionFacts } from '../facts.ts'
import type { ConnectRefusal } from '../port.ts'
import { connectWithCredentials } from './connect-with-credentials.ts'
import type { Credentials } from './credentials.ts'
import type { PoolCredentials } from './pool-credentials.ts'

/** What logging in anew needs of its keeper. */
export interface ReauthenticationSide<C extends object> {
  readonly clock: Clock
  readonly credentials: Credentials
  /** Logs it in as it is; rejects with what the server says. */
  send(connection: C, credentials: PoolCredentials): Promise<void>
  refusalOf(error: unknown): ConnectRefusal | undefined
  /** The server took them on this connection. */
  authenticated(connection: C, credentials: PoolCredentials): void
}

/**
 * Logs living connections in with newer credentials, on wires that allow it at any time: they outlive what they were
 * opened with. A login that the server refuses leaves the connection as it was: it is not tried again before there is
 * something newer still, and the connection goes at the end of what it has.
 */
export class Reauthentication<C extends object> {
  readonly #side: ReauthenticationSide<C>
  /** The issue that was tried last. */
  readonly #tried = new WeakMap<C, number>()

  constructor(side: ReauthenticationSide<C>) {
    this.#side = side
  }

  /** Asked for every connection in every round, and for every one that is returned. */
  isDue(connection: C, facts: ConnectionFacts): boolean {
    const { credentials } = this.#side
    return credentials.isOutdated(facts) && (this.#tried.get(connection) ?? 0) < credentials.issue
  }

  /** `'silent'`: no answer within that time. A refusal is asked about once, with whatever the provider has by then. */
  run(connection: C, timeoutMillis: number): Promise<'renewed' | 'failed' | 'silent'> {
    const { clock } = this.#side
    return new Promise((resolve) => {
      const timer = clock.after(timeoutMillis, () => clock.afterInput(() => resolve('silent')))
      const end = (outcome: 'renewed' | 'failed'): void => {
        timer.cancel()
        resolve(outcome)
      }
      this.#send(connection).then(
        () => end('renewed'),
        () => end('failed'),
      )
    })
  }

  async #send(connection: C): Promise<void> {
    const { credentials, send, refusalOf, authenticated } = this.#side
    this.#tried.set(connection, credentials.issue)
    await connectWithCredentials<C>({
      events: { credentials: (refused) => credentials.forConnect(refused), authenticated },
      refusalOf,
      connect: async (given) => {
        if (given !== undefined) await send(connection, given)
        return connection
      },
    })
    this.#tried.delete(connection)
  }
}
