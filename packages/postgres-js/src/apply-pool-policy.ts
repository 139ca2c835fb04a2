import { type PoolKeeper, type PoolPolicyOptions, registeredKeeper } from '@poolkeeper/core'
import { attend, declarationOf, wasAttended } from './attachment.ts'
import { postgresOf } from './postgres-host.ts'

/** An instance of postgres.js, whatever types it knows. */
export interface AnySql {
  readonly options: object
}

/**
 * Attends an instance of postgres.js that exists. What it settled when it was made stays: its maximum, lifetime
 * and idle time. With TLS, `withPoolPolicy` is the only way.
 *
 * @throws PoolkeeperError `INVALID_POLICY`, `UNSUPPORTED_HOST`, `ALREADY_APPLIED`
 */
export function applyPoolPolicy(sql: AnySql, policy: PoolPolicyOptions = {}): PoolKeeper {
  return attend(postgresOf(sql).sql, policy)
}

/**
 * The keeper of an instance. For one that was made of `withPoolPolicy`'s options: attends it from now on.
 *
 * @throws PoolkeeperError `NOT_APPLIED` when it has no policy.
 */
export function keeperOf(sql: AnySql): PoolKeeper {
  const { sql: instance } = postgresOf(sql)
  const declaration = declarationOf(instance)
  if (declaration !== undefined && !wasAttended(instance)) return attend(instance, declaration.policy)
  return registeredKeeper(instance.options, 'instance of postgres.js')
}
