import { AsyncLocalStorage } from 'node:async_hooks'
import type { Trace } from './origin.ts'

/**
 * A lease within which its holder's own code runs, such as a transaction with its container: what
 * is asked for there, asks while a connection is held.
 */
export class Scope {
  /** Whose connection it is. */
  readonly pool: object
  readonly trace: Trace
  readonly owner: string | undefined
  /** `asking` from its own acquire on, `bound` while it holds its connection. */
  state: 'new' | 'asking' | 'bound' | 'over' = 'new'
  /** What the holder holds it through; when nobody can reach that any more, nobody will end the lease. */
  holder: WeakRef<object> | undefined

  constructor(pool: object, trace: Trace, owner: string | undefined) {
    this.pool = pool
    this.trace = trace
    this.owner = owner
  }
}

/** What is known of the work that is going on: who owns it, and what it holds. */
interface WorkContext {
  readonly owner: string | undefined
  readonly scopes: readonly Scope[]
}

// Two copies of this package in one process have to see each other's labels.
const KEY = Symbol.for('poolkeeper.work/v1')

/** Made when it is first needed, and followed by Node from its first `run` on. */
let known: AsyncLocalStorage<WorkContext> | undefined

function storage(): AsyncLocalStorage<WorkContext> {
  const home = globalThis as unknown as Record<symbol, AsyncLocalStorage<WorkContext> | undefined>
  return (known ??= home[KEY] ??= new AsyncLocalStorage())
}

/**
 * Names the work that `work` does, however deep and however asynchronously: a connection that it
 * holds for too long, or waits for, is reported with that label.
 *
 * @example
 * await ownedBy(`job ${job.id}`, () => importOrders(job))
 */
export function ownedBy<T>(owner: string, work: () => T): T {
  return storage().run({ owner, scopes: liveScopes() }, work)
}

/** Runs the work that holds the connection of a scope. */
export function runWithin<T>(scope: Scope, work: () => T): T {
  return storage().run({ owner: ownerNow(), scopes: [...liveScopes(), scope] }, work)
}

/** The label of the work that is going on. */
export function ownerNow(): string | undefined {
  return storage().getStore()?.owner
}

const NONE: readonly Scope[] = Object.freeze([])

/** The leases, of any pool, within which the work goes on; those that are over have left no trace. */
function liveScopes(): readonly Scope[] {
  const scopes = storage().getStore()?.scopes ?? NONE
  return scopes.some(isOver) ? scopes.filter((scope) => !isOver(scope)) : scopes
}

/** The same of one pool. */
export function scopesWithin(pool: object): readonly Scope[] {
  const scopes = storage().getStore()?.scopes ?? NONE
  if (scopes.length === 0) return NONE
  return scopes.filter((scope) => scope.pool === pool && !isOver(scope))
}

function isOver({ state }: Scope): boolean {
  return state === 'over'
}
