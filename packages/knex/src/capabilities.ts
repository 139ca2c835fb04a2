import { PoolkeeperError, type PoolPolicy } from '@poolkeeper/core'
import type { Dialect } from './dialects.ts'
import type { KnexClient } from './knex-client.ts'

/**
 * Refuses what nobody can do on this Knex, whatever the policy says.
 *
 * @throws PoolkeeperError `UNSUPPORTED_HOST`, `INVALID_POLICY`
 */
export function refuseWhatHostCannot(policy: PoolPolicy, client: KnexClient, { driver, replaceable }: Dialect): void {
  if (policy.sizing !== false && !replaceable) throw unsupported(`sizing: a pool of ${client.driverName} keeps its size`)
  if (policy.validateRole !== false && driver.isWritable === undefined) {
    throw unsupported(`validateRole: nobody can ask ${client.driverName} for its role`)
  }
  if (policy.onReturn === 'reset' && driver.reset === undefined) {
    throw unsupported(`onReturn: nobody can reset a session of ${client.driverName}`)
  }
  if (policy.detectNestedAcquire === 'fail' && driver.isBusy === undefined) {
    throw unsupported(
      `detectNestedAcquire: 'fail' needs to know whether a statement is under way, and the books of ${client.driverName} are closed`,
    )
  }
  if (policy.credentials !== undefined) refuseCredentials(client, driver.wire)
}

function refuseCredentials(client: KnexClient, wire: Dialect['driver']['wire']): void {
  if (wire !== 'postgresql' && wire !== 'mysql') {
    throw unsupported(`credentials: nobody knows how ${client.driverName} takes a user and a password`)
  }
  if (client._ownsPool === false) throw unsupported('credentials: the connections of this pool are not made by Knex')
  if (typeof client.connectionConfigProvider !== 'function') return
  const bound = "left out where Knex's own `connection` is a function, which gives the credentials already"
  throw new PoolkeeperError('INVALID_POLICY', `\`credentials\` must be ${bound}`, {
    invalid: { option: 'credentials', bound, value: 'a value of type function' },
  })
}

function unsupported(what: string): PoolkeeperError {
  return new PoolkeeperError('UNSUPPORTED_HOST', what)
}
