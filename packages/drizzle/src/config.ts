import { PoolkeeperError } from '@poolkeeper/core'

/**
 * A Drizzle database. Before 0.42 its type often tells no more than that there is some client of the driver, so that it
 * is looked at when the program runs.
 */
export interface WithClient<TClient> {
  readonly $client: TClient
}

/**
 * The configuration with this key among what `drizzle()` takes. The version of Drizzle that is there says what else may
 * stand in it. Clients are no configurations, and some of them have a `connection` as well.
 */
export type FormOf<TParameter, TClient, TKey extends string> = Extract<
  Exclude<TParameter, TClient>,
  Readonly<Record<TKey, unknown>>
>

/** A key that the form does not know is a mistake, as it is at `drizzle()` itself. */
export type Exactly<TConfig, TForm> = TConfig & Readonly<Record<Exclude<keyof TConfig, KeysOf<TForm>>, never>>

type KeysOf<T> = T extends unknown ? keyof T : never

/** What stands in the place of a configuration: the same, with a client. */
export type Kept<TConfig, TClient> = TConfig extends unknown ? Omit<TConfig, 'connection' | 'client'> & { client: TClient } : never

interface Config {
  readonly connection?: unknown
  readonly client?: unknown
}

/** How one driver's pools are made and attended. */
export interface Resolver {
  /** The pool that Drizzle itself makes of a URL, or of what stands as `connection`. */
  make(source: string | { readonly connection: unknown }): unknown
  attend(pool: unknown): unknown
}

/** Finds the pool in what `drizzle()` would take, or has it made, and gives the configuration in which it stands. */
export function keptConfig(given: unknown, { make, attend }: Resolver): Config {
  if (typeof given === 'string') return withPool({}, make(given), attend)
  if (!isConfig(given)) return withPool({}, given, attend)
  const { connection, client, ...rest } = given
  return withPool(rest, client || make({ connection }), attend)
}

function withPool(rest: object, pool: unknown, attend: Resolver['attend']): Config {
  attend(pool)
  return { ...rest, client: pool }
}

/** Drizzle's own way to tell a configuration from a client; the class of a plain object may be that of another realm. */
function isConfig(given: unknown): given is Config {
  return typeof given === 'object' && given !== null && given.constructor?.name === 'Object'
}

/**
 * The client below a database.
 *
 * @throws PoolkeeperError `UNSUPPORTED_HOST`
 */
export function clientOf<TClient>(db: WithClient<TClient>): TClient {
  const { $client } = (db ?? {}) as Partial<WithClient<TClient>>
  if ($client !== undefined) return $client
  throw new PoolkeeperError('UNSUPPORTED_HOST', 'this is not a database of drizzle-orm 0.36 or later: it has no $client')
}
