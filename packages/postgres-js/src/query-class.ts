import { OWN_QUESTION, type PostgresQuery, type QueryHandler, type QueryPrototype } from './postgres-host.ts'

/** The server's number and secret of one connection, in the object that postgres.js gives to queries as their state. */
export interface Backend {
  readonly pid?: number | null
  readonly secret?: number | null
}

/** What one attended instance wants of the class of queries. */
export interface QueryGuard {
  /** In the place of the instance's own handler. */
  readonly door: QueryHandler
  /** Whether this is a connection of the instance. */
  owns(backend: Backend): boolean
}

/** One class of queries, which all instances of one copy of postgres.js have in common. */
interface WatchedClass {
  readonly original: QueryPrototype['handle']
  readonly replacement: QueryPrototype['handle']
  readonly guards: Map<QueryHandler, QueryGuard>
  /** Of scopes, each on its one connection; they go with it. */
  readonly scopes: WeakMap<QueryHandler, QueryHandler>
}

// Two copies of this package in one process replace `handle` once, or each would put back what the other had found.
const KEY = Symbol.for('poolkeeper.postgres-js.queries/v1')

function classes(): WeakMap<QueryPrototype, WatchedClass> {
  const home = globalThis as unknown as Record<symbol, WeakMap<QueryPrototype, WatchedClass> | undefined>
  return (home[KEY] ??= new WeakMap())
}

/**
 * From now on the queries of one instance are handed to its door. The class of queries is one for all instances, and
 * the tagged template itself cannot be replaced: so it is asked of every query whose it is. Returns how to undo it.
 */
export function interceptQueries(prototype: QueryPrototype, handler: QueryHandler, guard: QueryGuard): () => void {
  const watched = classes().get(prototype) ?? watch(prototype)
  watched.guards.set(handler, guard)
  return () => {
    watched.guards.delete(handler)
    // Who replaced it after us (a tracer, say) calls ours: it stays then, and lets everything through.
    if (watched.guards.size > 0 || prototype.handle !== watched.replacement) return
    prototype.handle = watched.original
    classes().delete(prototype)
  }
}

/** The statements of one scope, as long as the class is watched. */
export function guardScope(prototype: QueryPrototype, handler: QueryHandler, door: QueryHandler): void {
  classes().get(prototype)?.scopes.set(handler, door)
}

function watch(prototype: QueryPrototype): WatchedClass {
  const original = prototype.handle
  const guards = new Map<QueryHandler, QueryGuard>()
  const scopes = new WeakMap<QueryHandler, QueryHandler>()
  function handle(this: PostgresQuery): Promise<void> {
    if (!this.executed) {
      const door = guards.get(this.handler)?.door ?? scopes.get(this.handler)
      if (door !== undefined) this.handler = door
      else if (isOwnQuestion(this)) sparesTheProcess(this, guards)
    }
    return original.call(this)
  }
  const watched = { original, replacement: handle, guards, scopes }
  classes().set(prototype, watched)
  prototype.handle = handle
  return watched
}

/** What postgres.js asks of a new connection for itself, and awaits where nobody catches anything. */
function isOwnQuestion({ canceller, strings }: PostgresQuery): boolean {
  return canceller === undefined && strings[0]?.includes(OWN_QUESTION) === true
}

/**
 * When a connection of ours dies meanwhile, the rejection would end the process; who waits for the connection has his
 * error by another way. On which connection it was asked is known when it was given to one.
 */
function sparesTheProcess(query: PostgresQuery, guards: ReadonlyMap<QueryHandler, QueryGuard>): void {
  const { reject } = query
  query.reject = (error) => {
    const backend = query.state as Backend | null
    const isOfOthers = backend !== null && ![...guards.values()].some((guard) => guard.owns(backend))
    if (isOfOthers) reject(error)
  }
}
