import { PoolkeeperError } from '@poolkeeper/core'

/** A connection as Knex hands it about: the driver's own object, with Knex's marks on it. */
export interface KnexConnection {
  readonly __knexUid?: string
  readonly __knex__disposed?: unknown
}

/**
 * The part of Knex's `Client` that is used here; everything that is known of its inside stands in
 * this file. Checked at attach, and tested over a range of versions.
 */
export interface KnexClient {
  readonly config: KnexClientConfig
  connectionSettings?: Readonly<Record<string, unknown>> | undefined
  readonly dialect?: string
  readonly driverName?: string
  /** Shared by the client, its transactions' clients and its clones, and by nobody else. */
  readonly logger: object
  pool?: object
  readonly _ownsPool?: boolean
  /** The driver's module. */
  driver?: object
  /** Given as `connection`, when that is a function. */
  readonly connectionConfigProvider?: () => unknown
  readonly connectionConfigExpirationChecker?: (() => boolean) | null
  initializePool(config?: KnexClientConfig): void
  acquireConnection(): Promise<KnexConnection>
  acquireRawConnection(): Promise<KnexConnection>
  validateConnection(connection: KnexConnection): boolean
  releaseConnection(connection: KnexConnection): Promise<void>
  queryBuilder(): object
  schemaBuilder(): object
  raw(...args: unknown[]): object
  runner(builder: object): KnexRunner
  /** `config.connection`: it runs on that one, and acquires none. */
  transaction(container: unknown, config?: { readonly connection?: unknown }, outer?: unknown): object
  _query(connection: KnexConnection, query: { sql: string; bindings: unknown[] }): Promise<unknown>
  on(event: string, listener: (...args: never[]) => void): unknown
  removeListener(event: string, listener: (...args: never[]) => void): unknown
}

/** What runs one builder: it acquires, sends, and gives back. */
export interface KnexRunner {
  client: KnexClient
  run(): Promise<unknown>
  stream(...args: unknown[]): unknown
}

export interface KnexClientConfig {
  client?: unknown
  readonly connection?: unknown
  readonly connectionPool?: unknown
  readonly acquireConnectionTimeout?: number
  readonly pool?: KnexPoolConfig
}

export interface KnexPoolConfig {
  readonly min?: number
  readonly max?: number
  readonly acquireTimeoutMillis?: number
  readonly createTimeoutMillis?: number
  readonly idleTimeoutMillis?: number
  readonly validate?: (connection: object) => unknown
  readonly maxConnectionLifetimeMillis?: number
  readonly maxConnectionLifetimeJitterMillis?: number
}

const METHODS = [
  'initializePool',
  'acquireConnection',
  'acquireRawConnection',
  'validateConnection',
  'releaseConnection',
  'queryBuilder',
  'schemaBuilder',
  'raw',
  'runner',
  'transaction',
  '_query',
  'on',
  'removeListener',
] as const

/**
 * The client of a Knex instance, a transaction or a clone.
 *
 * @throws PoolkeeperError `UNSUPPORTED_HOST` when this is no Knex.
 */
export function clientOf(knex: unknown): KnexClient {
  const client = typeof knex === 'function' ? (knex as { client?: unknown }).client : undefined
  if (typeof client !== 'object' || client === null) {
    throw new PoolkeeperError('UNSUPPORTED_HOST', 'this is not a Knex instance: it has no client')
  }
  const fields = client as Record<string, unknown>
  const missing: string[] = METHODS.filter((method) => typeof fields[method] !== 'function')
  if (typeof fields['logger'] !== 'object') missing.push('logger')
  if (missing.length > 0) {
    throw new PoolkeeperError(
      'UNSUPPORTED_HOST',
      `this Knex is not one that this version knows (2.5 to 3.x): ${missing.join(', ')} missing`,
    )
  }
  return client as KnexClient
}

/** Knex's own class is not exported to us under a stable path in all versions. */
export function isKnexTimeout(error: unknown): error is Error {
  return error instanceof Error && error.name === 'KnexTimeoutError'
}
