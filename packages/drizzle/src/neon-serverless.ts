import { neonConfig, type Pool } from '@neondatabase/serverless'
import { checkPolicyOptions, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/core'
import * as port from '@poolkeeper/pg'
import { drizzle, NeonSession, type NeonClient } from 'drizzle-orm/neon-serverless'
import { clientOf, type Exactly, type FormOf, keptConfig, type Kept, type WithClient } from './config.ts'
import { attendTransactions, sessionClassOf, type Sessions } from './transactions.ts'

export * from './reexports.ts'

type Parameter = Parameters<typeof drizzle>[0]
type ConnectionConfig = FormOf<Parameter, NeonClient, 'connection'>
type ClientConfig = FormOf<Parameter, NeonClient, 'client'>
/** Neon's pool is a copy of pg-pool; so are its clients, on a WebSocket. */
type PgPool = Parameters<typeof port.keeperOf>[0]

const SESSIONS: Sessions = { acquire: 'connect', poolBelow: (client) => client }

/**
 * What `drizzle()` of `drizzle-orm/neon-serverless` takes, with a policy on its pool: a URL, a pool, or a configuration
 * with a `connection` or a `client` in it. Drizzle makes the pool itself, once for each call, as it would have; the
 * policy is put on it before the first connection is opened. `keeperOf(db)` gives the keeper.
 *
 * @example
 * const db = drizzle(withPoolPolicy({ connection: process.env.DATABASE_URL, schema, ws }, { max: 5 }))
 * @throws PoolkeeperError `INVALID_POLICY`, before anything is made; `ALREADY_APPLIED` when another policy is on the
 * pool; `UNSUPPORTED_HOST` for a single client.
 */
export function withPoolPolicy<TConfig extends ConnectionConfig>(
  config: Exactly<TConfig, ConnectionConfig>,
  policy?: PoolPolicyOptions,
): Kept<TConfig, Pool>
export function withPoolPolicy<TConfig extends ClientConfig & { client: Pool }>(
  config: Exactly<TConfig, ClientConfig>,
  policy?: PoolPolicyOptions,
): TConfig
export function withPoolPolicy<TPool extends Pool = Pool>(pool: TPool | string, policy?: PoolPolicyOptions): { client: TPool }
export function withPoolPolicy(given: unknown, policy: PoolPolicyOptions = {}): unknown {
  checkPolicyOptions(policy)
  const { ws } = Object(given) as { readonly ws?: typeof neonConfig.webSocketConstructor }
  // As drizzle() does, but before connections may be opened for the minimum.
  if (ws !== undefined) neonConfig.webSocketConstructor = ws
  return keptConfig(given, {
    make: (source) => drizzle(source as string).$client,
    attend(pool) {
      port.applyPoolPolicy(pool as PgPool, policy)
      attendTransactions(SESSIONS, NeonSession)
    },
  })
}

/**
 * Puts a policy on the pool of a database that exists already. The same policy again returns the keeper that is there.
 *
 * @throws PoolkeeperError `INVALID_POLICY`, `ALREADY_APPLIED`; `UNSUPPORTED_HOST` when there is no pool below it.
 */
export function applyPoolPolicy(db: WithClient<NeonClient>, policy: PoolPolicyOptions = {}): PoolKeeper {
  checkPolicyOptions(policy)
  const keeper = port.applyPoolPolicy(clientOf(db) as unknown as PgPool, policy)
  attendTransactions(SESSIONS, sessionClassOf(db))
  return keeper
}

/**
 * The keeper that attends the pool of a database.
 *
 * @throws PoolkeeperError `NOT_APPLIED` when no policy was applied.
 */
export function keeperOf(db: WithClient<NeonClient>): PoolKeeper {
  const keeper = port.keeperOf(clientOf(db) as unknown as PgPool)
  attendTransactions(SESSIONS, sessionClassOf(db))
  return keeper
}
