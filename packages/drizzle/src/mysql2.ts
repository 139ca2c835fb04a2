import { checkPolicyOptions, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/core'
import * as port from '@poolkeeper/mysql2'
import { type AnyMySql2Connection, drizzle, MySql2Session } from 'drizzle-orm/mysql2'
import type { Pool } from 'mysql2'
import type { Pool as PromisePool } from 'mysql2/promise'
import { clientOf, type Exactly, type FormOf, keptConfig, type Kept, type WithClient } from './config.ts'
import { attendTransactions, sessionClassOf, type Sessions } from './transactions.ts'

export * from './reexports.ts'

type AnyPool = Pool | PromisePool
type Parameter = Parameters<typeof drizzle>[0]
type ConnectionConfig = FormOf<Parameter, AnyMySql2Connection, 'connection'>
type ClientConfig = FormOf<Parameter, AnyMySql2Connection, 'client'>

/** Sessions always use the promise face of a pool. */
const SESSIONS: Sessions = {
  acquire: 'getConnection',
  poolBelow: (client) => (client as Partial<PromisePool>).pool ?? client,
}

/** Before 1.0 Drizzle makes a callback pool, and from then on a promise pool. */
type MadePool = ReturnType<typeof drizzle>['$client'] extends PromisePool ? PromisePool : Pool

/**
 * What `drizzle()` of `drizzle-orm/mysql2` takes, with a policy on its pool: a URL, a pool of either face, or a
 * configuration with a `connection` or a `client` in it. Drizzle makes the pool itself, once for each call, as it would
 * have; the policy is put on it before the first connection is opened. `keeperOf(db)` gives the keeper.
 *
 * @example
 * const db = drizzle(withPoolPolicy({ connection: process.env.DATABASE_URL }, { maxLifetimeMillis: 600_000 }))
 * @throws PoolkeeperError `INVALID_POLICY`, before anything is made; `ALREADY_APPLIED` when another policy is on the
 * pool; `UNSUPPORTED_HOST` for a single connection.
 */
export function withPoolPolicy<TConfig extends ConnectionConfig>(
  config: Exactly<TConfig, ConnectionConfig>,
  policy?: PoolPolicyOptions,
): Kept<TConfig, MadePool>
export function withPoolPolicy<TConfig extends ClientConfig & { client: AnyPool }>(
  config: Exactly<TConfig, ClientConfig>,
  policy?: PoolPolicyOptions,
): TConfig
export function withPoolPolicy<TPool extends AnyPool = MadePool>(pool: TPool | string, policy?: PoolPolicyOptions): { client: TPool }
export function withPoolPolicy(given: unknown, policy: PoolPolicyOptions = {}): unknown {
  checkPolicyOptions(policy)
  return keptConfig(given, {
    make: (source) => drizzle(source as string).$client,
    attend(pool) {
      port.applyPoolPolicy(pool as Pool, policy)
      attendTransactions(SESSIONS, MySql2Session)
    },
  })
}

/**
 * Puts a policy on the pool of a database that exists already. The same policy again returns the keeper that is there.
 *
 * @throws PoolkeeperError `INVALID_POLICY`, `ALREADY_APPLIED`; `UNSUPPORTED_HOST` when there is no pool below it.
 */
export function applyPoolPolicy(db: WithClient<AnyMySql2Connection>, policy: PoolPolicyOptions = {}): PoolKeeper {
  checkPolicyOptions(policy)
  const keeper = port.applyPoolPolicy(clientOf(db) as Pool, policy)
  attendTransactions(SESSIONS, sessionClassOf(db))
  return keeper
}

/**
 * The keeper that attends the pool of a database.
 *
 * @throws PoolkeeperError `NOT_APPLIED` when no policy was applied.
 */
export function keeperOf(db: WithClient<AnyMySql2Connection>): PoolKeeper {
  const keeper = port.keeperOf(clientOf(db) as Pool)
  attendTransactions(SESSIONS, sessionClassOf(db))
  return keeper
}
