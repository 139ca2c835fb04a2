import { PoolkeeperError } from '@poolkeeper/core'

/** One entry of tarn's lists: a connection, and a promise of its being given back. */
export interface TarnEntry<C> {
  resource: C
  resolve(): TarnEntry<C>
}

/** What tarn returns for an acquire and for a create. */
export interface TarnOperation<C> {
  promise: Promise<C>
  isRejected: boolean
  possibleTimeoutCause: unknown
  abort(): void
  resolve(connection: C): void
  reject(error: unknown): void
}

/**
 * The part of tarn's `Pool` that is used here, private parts included: everything that is known
 * of tarn's inside stands in this file. Checked at attach, and tested over a range of versions.
 */
export interface TarnPool<C extends object> {
  min: number
  max: number
  acquireTimeoutMillis: number
  createTimeoutMillis: number
  readonly idleTimeoutMillis: number
  readonly createRetryIntervalMillis: number
  readonly propagateCreateError: boolean
  readonly destroyed: boolean
  eventId: number
  /** With a callback, or with a promise. */
  creator(callback: (error: Error, connection?: C) => void): unknown
  validate(connection: C): boolean | Promise<boolean>
  destroyer(connection: C): unknown
  acquire(this: TarnPool<C>): TarnOperation<C>
  release(connection: C): boolean
  check(): void
  destroy(): Promise<unknown>
  isEmpty(): boolean
  on(event: string, listener: (...args: never[]) => void): void
  removeListener(event: string, listener: (...args: never[]) => void): void
  free: TarnEntry<C>[]
  used: TarnEntry<C>[]
  readonly pendingAcquires: TarnOperation<C>[]
  readonly pendingCreates: readonly TarnOperation<C>[]
  readonly pendingValidations: TarnOperation<C>[]
  readonly pendingRetryTimers?: unknown[]
  _create(): TarnOperation<C>
  _destroy(connection: C): Promise<unknown>
  _doAcquire(): void
  _doCreate(): void
  _shouldCreateMoreResources(): boolean
  _startReaping(): void
  _stopReaping(): void
  _tryAcquireOrCreate(): void
  _executeEventHandlers(event: string, ...args: unknown[]): void
}

const METHODS = [
  'creator',
  'validate',
  'destroyer',
  'acquire',
  'release',
  'check',
  'destroy',
  'isEmpty',
  'on',
  'removeListener',
  '_create',
  '_destroy',
  '_doAcquire',
  '_doCreate',
  '_shouldCreateMoreResources',
  '_startReaping',
  '_stopReaping',
  '_tryAcquireOrCreate',
  '_executeEventHandlers',
] as const
const LISTS = ['free', 'used', 'pendingAcquires', 'pendingCreates', 'pendingValidations'] as const

/** Whether something calls itself a pool in tarn's way. */
export function looksLikeTarn(pool: unknown): boolean {
  if (typeof pool !== 'object' || pool === null) return false
  const { numFree, numUsed, acquire } = pool as Record<string, unknown>
  return [numFree, numUsed, acquire].every((method) => typeof method === 'function')
}

/**
 * Takes the pool for what it should be, or says what is missing.
 *
 * @throws PoolkeeperError `UNSUPPORTED_HOST`, naming the host's version.
 */
export function asTarnPool<C extends object>(pool: object, host: string): TarnPool<C> {
  const fields = pool as Record<string, unknown>
  const missing = [
    ...METHODS.filter((method) => typeof fields[method] !== 'function'),
    ...LISTS.filter((list) => !Array.isArray(fields[list])),
  ]
  if (missing.length === 0) return pool as TarnPool<C>
  throw new PoolkeeperError(
    'UNSUPPORTED_HOST',
    `the pool of ${host} is not the tarn pool this version knows: ${missing.join(', ')} missing`,
  )
}

/** tarn's own class is not exported to us, and two copies of it may be loaded. */
export function isTarnTimeout(error: unknown): boolean {
  return error instanceof Error && error.constructor.name === 'TimeoutError'
}

/**
 * tarn's own error for a caller whose deadline has passed. Its class is not exported to us, and Knex
 * looks for it; so a stand-in that never serves anybody lets one acquire time out.
 */
export async function timeoutOf<C extends object>(pool: TarnPool<C>, cause: unknown): Promise<unknown> {
  const neverServes: Partial<TarnPool<C>> = {
    eventId: 0,
    acquireTimeoutMillis: 1,
    pendingAcquires: [],
    _executeEventHandlers: () => {},
    _tryAcquireOrCreate: () => {},
  }
  const { acquire } = Object.getPrototypeOf(pool) as TarnPool<C>
  const operation = acquire.call(neverServes as TarnPool<C>)
  operation.possibleTimeoutCause = cause
  return operation.promise.catch((error: unknown) => error)
}

/** Takes a connection out of the list of free ones, as tarn does to validate it: still counted. */
export function moveToUsed<C extends object>(pool: TarnPool<C>, connection: C): boolean {
  const entry = removeFrom(pool.free, connection)
  if (entry === undefined) return false
  pool.used.push(entry)
  return true
}

/** The opposite; the entry keeps its place in time, so that its idle age goes on. */
export function moveToFree<C extends object>(pool: TarnPool<C>, connection: C): boolean {
  const entry = removeFrom(pool.used, connection)
  if (entry === undefined) return false
  pool.free.push(entry)
  return true
}

/** Strikes a connection off tarn's books; who waits for its return is told that it came. */
export function strikeOff<C extends object>(pool: TarnPool<C>, connection: C): boolean {
  const entry = removeFrom(pool.used, connection) ?? removeFrom(pool.free, connection)
  entry?.resolve()
  return entry !== undefined
}

/** Serves all who wait, as far as there is something free or room to open; tarn opens one a call. */
export function serveAll<C extends object>(pool: TarnPool<C>): void {
  let before: number
  do {
    before = pool.pendingCreates.length
    pool._tryAcquireOrCreate()
  } while (pool.pendingCreates.length > before)
}

/** Strikes a connection off one of tarn's lists. */
export function removeFrom<C>(list: TarnEntry<C>[], connection: C): TarnEntry<C> | undefined {
  const index = list.findIndex((entry) => entry.resource === connection)
  return index === -1 ? undefined : list.splice(index, 1)[0]
}
