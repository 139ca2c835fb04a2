import { checkPolicyOptions, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/core'
import * as port from '@poolkeeper/postgres-js'
import { drizzle } from 'drizzle-orm/postgres-js'
import type { Options, PostgresType, Sql } from 'postgres'
import { clientOf, type Exactly, type FormOf, keptConfig, type Kept, type WithClient } from './config.ts'

export * from './reexports.ts'

type Parameter = Parameters<typeof drizzle>[0]
type ConnectionConfig = FormOf<Parameter, Sql, 'connection'>
type ClientConfig = FormOf<Parameter, Sql, 'client'>
type Connection = string | (Options<Record<string, PostgresType>> & { readonly url?: string }) | undefined

interface ParsedTls {
  readonly ssl: NonNullable<Options<Record<string, PostgresType>>['ssl']>
  readonly sslnegotiation?: unknown
}

/**
 * What `drizzle()` of `drizzle-orm/postgres-js` takes, with a policy on its pool: a URL, an instance of postgres.js, or a
 * configuration with a `connection` or a `client` in it. Drizzle makes the instance itself, once for each call, of
 * options in which the policy stands; on an instance that exists, what it settled when it was made stays.
 * `keeperOf(db)` gives the keeper.
 *
 * @example
 * const db = drizzle(withPoolPolicy({ connection: process.env.DATABASE_URL, schema }, { keepaliveMillis: 30_000 }))
 * @throws PoolkeeperError `INVALID_POLICY`, before anything is made; `ALREADY_APPLIED` when another policy is on the
 * instance; `UNSUPPORTED_HOST` for a reserved connection, and for what postgres.js cannot do.
 */
export function withPoolPolicy<TConfig extends ConnectionConfig>(
  config: Exactly<TConfig, ConnectionConfig>,
  policy?: PoolPolicyOptions,
): Kept<TConfig, Sql>
export function withPoolPolicy<TConfig extends ClientConfig>(
  config: Exactly<TConfig, ClientConfig>,
  policy?: PoolPolicyOptions,
): TConfig
export function withPoolPolicy<TSql extends Sql = Sql>(sql: TSql | string, policy?: PoolPolicyOptions): { client: TSql }
export function withPoolPolicy(given: unknown, policy: PoolPolicyOptions = {}): unknown {
  checkPolicyOptions(policy)
  return keptConfig(given, {
    make(source) {
      const connection = (typeof source === 'string' ? source : source.connection) as Connection
      const { url, ...options } = typeof connection === 'string' ? { url: connection } : { ...connection }
      const wishes = 'ssl' in options ? options : { ...options, ...tlsOf(connection) }
      const kept = port.withPoolPolicy(wishes, policy)
      return drizzle({ connection: url === undefined ? kept : { ...kept, url } }).$client
    },
    attend: (sql) => port.applyPoolPolicy(sql as Sql, policy),
  })
}

/**
 * Puts a policy on the instance below a database that exists already. The same policy again returns the keeper that is
 * there.
 *
 * @throws PoolkeeperError `INVALID_POLICY`, `ALREADY_APPLIED`; `UNSUPPORTED_HOST` when there is no instance below it,
 * and for what postgres.js settles when an instance is made.
 */
export function applyPoolPolicy(db: WithClient<Sql>, policy: PoolPolicyOptions = {}): PoolKeeper {
  checkPolicyOptions(policy)
  return port.applyPoolPolicy(clientOf(db), policy)
}

/**
 * The keeper that attends the instance below a database.
 *
 * @throws PoolkeeperError `NOT_APPLIED` when no policy was applied.
 */
export function keeperOf(db: WithClient<Sql>): PoolKeeper {
  return port.keeperOf(clientOf(db))
}

/** What postgres.js itself makes of a URL and of the environment. An instance connects to nothing before it is asked. */
function tlsOf(connection: Connection): Pick<Options<Record<string, PostgresType>>, 'ssl'> & { readonly sslnegotiation?: unknown } {
  const { ssl, sslnegotiation } = drizzle({ connection: connection ?? {} }).$client.options as ParsedTls
  return { ssl, sslnegotiation }
}
