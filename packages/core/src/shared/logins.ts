import type { PoolCredentials } from '../credentials/pool-credentials.ts'
import { Reauthentication } from '../credentials/reauthentication.ts'
import { credentialLeft } from '../rules/credential.ts'
import type { SharedContext } from './context.ts'
import type { SharedAuthentication } from './shared-port.ts'

const LEAST_PERIOD_MILLIS = 50

/** Keeps the connections of a shared pool logged in, where the policy gives credentials. */
export class SharedLogins<C extends object> {
  readonly #context: SharedContext<C>
  readonly #reauthentication: Reauthentication<C>

  constructor(context: SharedContext<C>) {
    this.#context = context
    this.#reauthentication = new Reauthentication<C>({
      clock: context.clock,
      credentials: context.credentials,
      send: async (connection, credentials) => this.#authentication?.renew(connection, credentials),
      refusalOf: (error) => this.#authentication?.refusalOf(error),
      authenticated: (connection, credentials) => this.authenticated(connection, credentials),
    })
  }

  get #authentication(): SharedAuthentication<C> | undefined {
    return this.#context.port.authentication
  }

  authenticated(connection: C, credentials: PoolCredentials): void {
    const { credentials: provider, ledger } = this.#context
    const credential = provider.accepted(credentials)
    const facts = ledger.get(connection)
    if (facts !== undefined) facts.credential = credential
  }

  /** How often a round has to look, to be in time. */
  get periodMillis(): number {
    return Math.max(LEAST_PERIOD_MILLIS, this.#context.credentials.periodMillis)
  }

  /** In every round in which the server may be talked to: renews ahead of the end, and logs in anew with what came. */
  renew(roundMillis: number): void {
    const { credentials, ledger, policy, port } = this.#context
    if (policy.credentials === undefined) return
    credentials.renewIfDue(2 * roundMillis)
    for (const connection of port.connections()) {
      const facts = ledger.get(connection)
      // What gets no answer is judged by its silence, as with any other command.
      if (facts !== undefined && this.#reauthentication.isDue(connection, facts)) {
        void this.#reauthentication.run(connection, policy.validationTimeoutMillis)
      }
    }
  }

  /** In every round: what could not be logged in anew does not outlive what it has. */
  expire(): void {
    const { clock, ledger, policy, port, situation } = this.#context
    if (policy.credentials === undefined) return
    situation.now = clock.now()
    const over = port.connections().filter((connection) => {
      const facts = ledger.get(connection)
      return facts !== undefined && facts.condemnedFor === undefined && credentialLeft(facts, situation) <= 0
    })
    for (const connection of over) this.#context.condemn(this.#context.factsOf(connection), 'credential')
    if (over.length > 0) port.authentication?.end(over)
  }
}
