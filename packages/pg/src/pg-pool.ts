import { Overrides, PoolkeeperError } from '@poolkeeper/core'
import type { PgClient } from '@poolkeeper/drivers'
import type { Pool } from 'pg'

type Listener = (...args: never[]) => void

/** A `pg.Client`, or one of `pg-native`, as pg-pool handles it. */
export interface PoolClient extends PgClient {
  readonly _queryable?: boolean
  readonly _ending?: boolean
  readonly _connected?: boolean
  readonly connectionParameters?: { readonly query_timeout?: number | string | false }
  /** How often it was given back; pg-pool's own count of uses. */
  _poolUseCount?: number
  release?: Release
  end(callback: () => void): void
  ref?(): void
  unref?(): void
}

/** Gives a client back; with something truthy, to be closed. Throws when it is called again. */
export type Release = (error?: unknown) => void

export type ConnectCallback = (error: unknown, client: PoolClient | undefined, release: Release) => void

/** Somebody who waits, as pg-pool queues him. */
export interface PendingItem {
  readonly callback: ConnectCallback
  /** He has had his answer: nobody is there any more. */
  timedOut?: boolean
}

export type IdleListener = (error?: unknown) => void

/** An entry of the list of idle clients. */
export interface IdleItem {
  readonly client: PoolClient
  /** pg-pool's own listener for errors of the client, while it is idle. */
  readonly idleListener: IdleListener
  timeoutId?: NodeJS.Timeout | undefined
}

/** What its user said, with the defaults filled in; `pg` reads its own options from the same object. */
export interface PgPoolOptions {
  max: number
  min?: number
  connectionTimeoutMillis?: number
  readonly idleTimeoutMillis?: number | null
  readonly maxUses?: number
  maxLifetimeSeconds?: number
  readonly allowExitOnIdle?: boolean
  readonly verify?: (client: PoolClient, done: (error?: unknown) => void) => void
  readonly [option: string]: unknown
}

/**
 * The part of pg-pool's `Pool` that is used here, private parts included: everything that is known
 * of its inside stands in this file. Checked at attach, and tested over a range of versions.
 */
export interface PgPool {
  readonly options: PgPoolOptions
  readonly Promise: PromiseConstructor
  readonly waitingCount: number
  readonly ending: boolean
  ended: boolean
  _clients: PoolClient[]
  readonly _idle: IdleItem[]
  readonly _pendingQueue: PendingItem[]
  readonly _expired: WeakSet<PoolClient>
  readonly _endCallback: (() => void) | undefined
  connect(callback?: ConnectCallback): unknown
  query(...query: unknown[]): unknown
  newClient(waiter: PendingItem): void
  _isFull(): boolean
  _pulseQueue(): void
  _acquireClient(client: PoolClient, waiter: PendingItem, idleListener: IdleListener, isNew: boolean): void
  _releaseOnce(client: PoolClient, idleListener: IdleListener): Release
  _release(client: PoolClient, idleListener: IdleListener, error?: unknown): void
  _remove(client: PoolClient, callback?: () => void): void
  emit(event: string, ...args: unknown[]): boolean
  on(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
}

const METHODS = [
  'connect',
  'query',
  'newClient',
  '_isFull',
  '_pulseQueue',
  '_acquireClient',
  '_releaseOnce',
  '_release',
  '_remove',
  'emit',
  'on',
  'removeListener',
] as const
const LISTS = ['_clients', '_idle', '_pendingQueue'] as const

/** Whether something calls itself a pool in pg-pool's way: also a subclass, or one of another copy. */
export function isPgPool(pool: unknown): pool is Pool {
  if (typeof pool !== 'object' || pool === null) return false
  const { connect, totalCount, idleCount, waitingCount } = pool as Record<string, unknown>
  return typeof connect === 'function' && [totalCount, idleCount, waitingCount].every(Number.isInteger)
}

/**
 * Takes the pool for what it should be, or says what is missing.
 *
 * @throws PoolkeeperError `UNSUPPORTED_HOST`
 */
export function asPgPool(pool: unknown): PgPool {
  if (!isPgPool(pool)) throw unsupported(`this is not a pool of pg${hintFor(pool)}`)
  const fields = pool as unknown as Record<string, unknown>
  const missing: string[] = [
    ...METHODS.filter((method) => typeof fields[method] !== 'function'),
    ...LISTS.filter((list) => !Array.isArray(fields[list])),
  ]
  if (!(fields['_expired'] instanceof WeakSet)) missing.push('_expired')
  if (typeof fields['options'] !== 'object' || fields['options'] === null) missing.push('options')
  if (missing.length > 0) {
    throw unsupported(`this pool is not one of pg 8.11 or later as this version knows them: ${missing.join(', ')} missing`)
  }
  if (fields['ending'] === true) throw unsupported('this pool was ended already')
  return pool as unknown as PgPool
}

function unsupported(message: string): PoolkeeperError {
  return new PoolkeeperError('UNSUPPORTED_HOST', message)
}

function hintFor(value: unknown): string {
  const { connect, query } = (value ?? {}) as Record<string, unknown>
  const isClient = typeof connect === 'function' && typeof query === 'function'
  return isClient ? ': a single client has no pool to attend' : ''
}

/** Clients that the pool has, and that are connected: idle, or in somebody's hands. */
export function connectedClients(pool: PgPool): readonly PoolClient[] {
  return pool._clients.filter((client) => client._connected === true)
}

/** Strikes a client off the pool's own list; pg-pool makes a new one each time, too. */
export function strikeOff(pool: PgPool, client: PoolClient): void {
  pool._clients = pool._clients.filter((other) => other !== client)
}

/** While `work` runs, the pool's options are others; a client class reads them when a client is made. */
export function withOptions(pool: PgPool, options: Readonly<Record<string, unknown>>, work: () => void): void {
  const overrides = new Overrides<Record<string, unknown>>(pool.options)
  for (const [key, value] of Object.entries(options)) if (pool.options[key] !== value) overrides.set(key, value)
  try {
    work()
  } finally {
    overrides.undo()
  }
}

export function removeFrom<T>(list: T[], isWanted: (entry: T) => boolean): T | undefined {
  const index = list.findIndex(isWanted)
  return index === -1 ? undefined : list.splice(index, 1)[0]
}

/** As pg-pool leaves a client that it puts into its list. */
export function giveToHost(pool: PgPool, { client, idleListener }: IdleItem): IdleItem {
  const { allowExitOnIdle, idleTimeoutMillis, min = 0 } = pool.options
  const item: IdleItem = { client, idleListener, timeoutId: undefined }
  client.on('error', idleListener)
  if (!idleTimeoutMillis || pool._clients.length <= min) return item
  item.timeoutId = setTimeout(() => {
    if (pool._clients.length > min) pool._remove(client, () => pool._pulseQueue())
  }, idleTimeoutMillis)
  if (allowExitOnIdle === true) item.timeoutId.unref()
  return item
}

/** And as it takes it out again. */
export function takeFromHost({ client, idleListener, timeoutId }: IdleItem): void {
  clearTimeout(timeoutId)
  client.removeListener('error', idleListener)
}

/** pg-pool's own words. */
export function timeoutError(cause: unknown): Error {
  return new Error('timeout exceeded when trying to connect', { cause })
}

export function doubleReleaseError(): Error {
  return new Error('Release called on client which has already been released to the pool.')
}

export function connectTimeoutError(): Error {
  return new Error('Connection terminated due to connection timeout')
}

/** What a listener or a callback throws is its author's; it must not hit whoever happens to be on the stack. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

/** pg-pool's own event, as far as its user's listeners are concerned. */
export function tell(pool: PgPool, event: string, first: unknown, second?: unknown): void {
  try {
    pool.emit(event, first, second)
  } catch (error) {
    throwLater(error)
  }
}
