import { PoolkeeperError } from '@poolkeeper/core'

/**
 * What of postgres.js is used that its types do not tell. Nothing else in this package knows of it.
 *
 * - `sql.options` is the object that every connection reads when it opens.
 * - A `Query` hands itself to its `handler`, which is the one of its instance, in `handle()`.
 * - A query's `state` is set when it is given to a connection.
 * - `begin()` asks for its first statement at once, through `unsafe`, and hands a scope to its callback that has a
 *   handler of its own; so do `savepoint()` and `reserve()`.
 */
export interface PostgresQuery {
  handler: QueryHandler
  executed: boolean
  readonly cancelled: unknown
  readonly canceller: unknown
  readonly strings: readonly string[]
  state: unknown
  resolve: (result: unknown) => void
  reject: (error: unknown) => void
  cancel(): unknown
  then: Promise<unknown>['then']
}

export interface QueryHandler {
  (query: PostgresQuery): unknown
  debug?: unknown
}

export interface QueryPrototype {
  handle(this: PostgresQuery): Promise<void>
}

/** In what postgres.js asks of a new connection for itself. */
export const OWN_QUESTION = 'b.typarray'

/** `sql.options`. */
export interface PostgresOptions {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path?: string | false | undefined
  readonly database: string
  readonly max: unknown
  readonly ssl: unknown
  readonly sslnegotiation?: unknown
  readonly connect_timeout: unknown
  readonly idle_timeout: unknown
  readonly max_lifetime: unknown
  /** The same object in the instances that postgres.js makes beside this one, for LISTEN. */
  readonly shared: object
  connection: Record<string, unknown>
  socket?: SocketFactory | undefined
}

export type SocketFactory = (options: PostgresOptions) => object

/** What a transaction, a savepoint or a reserved connection is talked to with. */
export interface ScopeSql {
  unsafe(text: string): PostgresQuery
  savepoint?: (...given: unknown[]) => Promise<unknown>
}

export interface ReservedSql extends ScopeSql {
  release(): void
}

/** The instance. */
export interface PostgresSql {
  readonly options: PostgresOptions
  unsafe: (text: string, ...more: unknown[]) => PostgresQuery
  begin: (...given: unknown[]) => Promise<unknown>
  reserve(): Promise<ReservedSql>
  end(options?: { readonly timeout?: number }): Promise<void>
}

/** Takes an instance apart, or says what is missing. */
export function postgresOf(sql: unknown): { readonly sql: PostgresSql; readonly handler: QueryHandler; readonly prototype: QueryPrototype } {
  const instance = sql as PostgresSql
  const isInstance = typeof sql === 'function' && typeof (sql as { options?: unknown }).options === 'object'
  if (!isInstance) throw unsupported('this is not an instance of postgres.js; within a transaction, apply the policy to the instance itself')
  for (const method of ['unsafe', 'begin', 'reserve', 'end'] as const) {
    if (typeof instance[method] !== 'function') throw unsupported(`this version of postgres.js has no ${method}()`)
  }
  const query = instance.unsafe('')
  const prototype = Object.getPrototypeOf(query) as QueryPrototype
  if (typeof query.handler !== 'function' || typeof prototype.handle !== 'function' || query.state !== null) {
    throw unsupported('queries of this version of postgres.js are made differently (tried with 3.4.0 to 3.4.9)')
  }
  return { sql: instance, handler: query.handler, prototype }
}

/** Calls back when a query that waits is given to a connection, or leaves without. */
export function watchQuery(query: PostgresQuery, onStart: () => void, onLeave: (error: unknown) => void): void {
  const { reject } = query
  const restore = (): void => {
    Object.defineProperty(query, 'state', { value: null, writable: true, enumerable: true, configurable: true })
    query.reject = reject
  }
  Object.defineProperty(query, 'state', {
    enumerable: true,
    configurable: true,
    get: () => null,
    set(state: unknown) {
      restore()
      query.state = state
      onStart()
    },
  })
  query.reject = (error) => {
    restore()
    onLeave(error)
    reject(error)
  }
}

/** One empty statement that no door sees. */
export function emptyQuery(sql: PostgresSql, handler: QueryHandler): Promise<unknown> {
  const query = sql.unsafe('')
  query.executed = true
  handler(query)
  return Promise.resolve(query)
}

export function unsupported(what: string): PoolkeeperError {
  return new PoolkeeperError('UNSUPPORTED_HOST', what)
}
