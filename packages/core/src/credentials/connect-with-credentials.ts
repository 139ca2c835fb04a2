import type { LendingEvents, LendingPort } from '../port.ts'
import type { PoolCredentials } from './pool-credentials.ts'

/** One way of opening a connection, by a host. */
export interface CredentialedConnect<C extends object> {
  readonly events: Pick<LendingEvents<C>, 'credentials' | 'authenticated'>
  readonly refusalOf: LendingPort<C>['refusalOf']
  /** With `undefined`, as the host's own options say. Rejects with the driver's error. */
  connect(credentials: PoolCredentials | undefined): Promise<C>
}

/**
 * Opens a connection with the pool's credentials; when the server refuses them, once more with
 * newer ones, if there are any. For ports, within their attempt to connect and its deadline.
 *
 * Without a provider it is `connect` itself, and nothing is awaited.
 */
export function connectWithCredentials<C extends object>(attempt: CredentialedConnect<C>): Promise<C> {
  const asked = attempt.events.credentials()
  return asked === undefined ? attempt.connect(undefined) : connectWith(attempt, asked)
}

async function connectWith<C extends object>(
  { connect, events, refusalOf }: CredentialedConnect<C>,
  asked: Promise<PoolCredentials | undefined>,
): Promise<C> {
  const once = async (credentials: PoolCredentials): Promise<C> => {
    const connection = await connect(credentials)
    events.authenticated(connection, credentials)
    return connection
  }
  const credentials = await asked
  if (credentials === undefined) return connect(undefined)
  try {
    return await once(credentials)
  } catch (refusal) {
    if (refusalOf(refusal) !== 'credentials') throw refusal
    // What the server says is the answer, also when nothing newer could be had.
    const renewed = await events.credentials(credentials)?.catch(() => undefined)
    if (renewed === undefined) throw refusal
    return once(renewed)
  }
}
