import {
  appliedKeeper,
  checkPolicyOptions,
  registeredKeeper,
  type KeeperDependencies,
  type PoolKeeper,
  type PoolPolicyOptions,
} from '@poolkeeper/core'
import type { Knex } from 'knex'
import { attachKeeper } from './attachment.ts'
import { clientOf } from './knex-client.ts'
import { nativePoolOf } from './native-pools.ts'

/**
 * Puts a policy on the pool of a Knex instance that exists already.
 *
 * The pool stays Knex's own: its decisions are taken by the policy from here on, until
 * `keeper.detach()` gives it back as it was. Applying the same policy again returns the keeper
 * that is there.
 *
 * @param dependencies - time and chance, for tests on virtual time
 * @throws PoolkeeperError `INVALID_POLICY`, before anything is touched; `ALREADY_APPLIED` when
 * another policy is on it; `UNSUPPORTED_HOST` when nobody here knows its kind of pool.
 */
export function applyPoolPolicy(
  knex: Knex,
  policy: PoolPolicyOptions = {},
  dependencies: KeeperDependencies = {},
): PoolKeeper {
  checkPolicyOptions(policy)
  const client = clientOf(knex)
  const native = nativePoolOf(client)
  if (native !== undefined) return native.apply(policy, dependencies)
  return appliedKeeper(client.logger, policy) ?? attachKeeper(client, policy, dependencies)
}

/**
 * The keeper that attends this Knex instance; the same for its transactions and its clones, and
 * after `destroy()` and `initialize()`.
 *
 * @throws PoolkeeperError `NOT_APPLIED` when no policy was applied.
 */
export function keeperOf(knex: Knex | Knex.Transaction): PoolKeeper {
  const client = clientOf(knex)
  return nativePoolOf(client)?.keeperOf() ?? registeredKeeper(client.logger, 'Knex instance')
}
