import { PoolkeeperError } from '@poolkeeper/core'
import type { Mysql2Connection } from '@poolkeeper/drivers'

/** mysql2's queues: denque in older versions, a ring of its own in later ones; what both have. */
export interface Mysql2Queue<T> {
  readonly length: number
  get(index: number): T | undefined
  push(item: T): unknown
  unshift(item: T): unknown
  shift(): T | undefined
  pop(): T | undefined
  removeOne(index: number): unknown
  toArray(): T[]
}

export type GetConnectionCallback = (error: Error | null, connection?: PoolConnection) => void

/** A packet from the server, as its parser hands it on. */
export interface Mysql2Packet {
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
  offset: number
  asError(encoding: string | undefined): Error
}

/** The command that the server is answering: its `next` is the state that it is in. */
export interface Mysql2Command {
  readonly sql?: string
  readonly next?: unknown
  readonly resultsetHeader?: unknown
  readonly fieldsEOF?: unknown
}

/** A connection of the pool. */
export interface PoolConnection extends Mysql2Connection {
  _pool: object | null
  /** Later versions: it was given back, and further calls of `release()` mean nothing. */
  _released?: boolean
  readonly _handshakePacket?: object | null
  readonly _command?: Mysql2Command | null | undefined
  readonly clientEncoding?: string
  /** The socket's farewell, which `end()` of a pooled connection is not. */
  _realEnd(callback: (error?: unknown) => void): unknown
  addCommand(command: Mysql2Command): unknown
  handlePacket(packet?: Mysql2Packet): unknown
  prependListener(event: string, listener: (error?: unknown) => void): unknown
}

export interface Mysql2PoolConfig {
  connectionLimit: number
  readonly maxIdle?: number
  readonly idleTimeout?: number
  readonly queueLimit: number
  readonly waitForConnections: boolean
  readonly resetOnRelease?: boolean
  readonly connectionConfig: Mysql2ConnectionConfig
}

export interface Mysql2ConnectionConfig {
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly database?: string
  readonly connectTimeout?: number
}

/**
 * The part of mysql2's callback `Pool` that is used here, private parts included: everything that
 * is known of its inside stands in this file. Checked at attach, and tested over a range of versions.
 */
export interface Mysql2Pool {
  readonly config: Mysql2PoolConfig
  readonly _closed: boolean
  /** Open and being connected. */
  readonly _allConnections: Mysql2Queue<PoolConnection>
  /** The last of them is lent first. */
  readonly _freeConnections: Mysql2Queue<PoolConnection>
  /** Callers that wait: callbacks, as long as no keeper attends the pool. */
  readonly _connectionQueue: Mysql2Queue<unknown>
  readonly _removeIdleTimeoutConnectionsTimer?: NodeJS.Timeout
  getConnection(callback: GetConnectionCallback): void
  releaseConnection(connection: PoolConnection): void
  end(callback?: (error?: unknown) => void): void
  emit(event: string, ...args: unknown[]): boolean
  _removeConnection(connection: PoolConnection): void
  _removeIdleTimeoutConnections(): void
}

const METHODS = [
  'getConnection',
  'releaseConnection',
  'end',
  'emit',
  '_removeConnection',
  '_removeIdleTimeoutConnections',
] as const
const QUEUES = ['_allConnections', '_freeConnections', '_connectionQueue'] as const
const OF_A_QUEUE = ['get', 'push', 'unshift', 'shift', 'pop', 'removeOne', 'toArray'] as const
const SETTINGS = ['connectionLimit', 'queueLimit', 'waitForConnections', 'connectionConfig'] as const

/**
 * Takes the pool for what it should be, or says what is missing.
 *
 * @throws PoolkeeperError `UNSUPPORTED_HOST`
 */
export function asMysql2Pool(pool: object): Mysql2Pool {
  const fields = pool as Record<string, unknown>
  const config = isObject(fields['config']) ? fields['config'] : {}
  const missing: string[] = [
    ...METHODS.filter((method) => typeof fields[method] !== 'function'),
    ...QUEUES.filter((queue) => !isQueue(fields[queue])),
    ...SETTINGS.filter((setting) => config[setting] === undefined).map((setting) => `config.${setting}`),
  ]
  if (missing.length > 0) {
    const what = `this is not a pool of mysql2 as this version knows it (3.9 to 3.x): ${missing.join(', ')} missing`
    throw new PoolkeeperError('UNSUPPORTED_HOST', what)
  }
  if (fields['_closed'] === true) throw new PoolkeeperError('UNSUPPORTED_HOST', 'this pool of mysql2 is closed')
  return pool as Mysql2Pool
}

/** Whether something keeps its connections in mysql2's way; the pools of `mysql` have lists. */
export function looksLikeMysql2Pool(pool: unknown): boolean {
  return isObject(pool) && QUEUES.every((queue) => isQueue(pool[queue]))
}

function isQueue(value: unknown): boolean {
  return isObject(value) && OF_A_QUEUE.every((method) => typeof value[method] === 'function')
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/**
 * Has mysql2 itself make a connection, with all that its version does to it: its own
 * `getConnection`, on a double of the pool that has nothing free and no limit.
 */
export function openConnection(
  pool: Mysql2Pool,
  hostGetConnection: Mysql2Pool['getConnection'],
  settings: Mysql2ConnectionConfig,
  callback: GetConnectionCallback,
): PoolConnection {
  const { connectionConfig } = pool.config
  const ownSettings = Object.create(Object.getPrototypeOf(connectionConfig) as object, {
    ...Object.getOwnPropertyDescriptors(connectionConfig),
    ...Object.getOwnPropertyDescriptors(settings),
  }) as Mysql2ConnectionConfig
  const double = doubleOf(pool, {
    config: { ...pool.config, connectionLimit: Infinity, connectionConfig: ownSettings },
    _freeConnections: NOTHING,
    // What has become of it is told by the callback.
    emit: () => false,
  })
  hostGetConnection.call(double, callback)
  const connection = pool._allConnections.get(pool._allConnections.length - 1) as PoolConnection
  connection._pool = pool
  return connection
}

/**
 * Asks in mysql2's own words for a connection, so that who traces its channel hears of it;
 * the callback, with the tracing around it, arrives at `ask`.
 */
export function askTraced(
  pool: Mysql2Pool,
  hostGetConnection: Mysql2Pool['getConnection'],
  callback: GetConnectionCallback,
  ask: (callback: GetConnectionCallback) => void,
): void {
  const double = doubleOf(pool, {
    config: { ...pool.config, connectionLimit: 1, waitForConnections: true, queueLimit: 0 },
    _freeConnections: NOTHING,
    _allConnections: { length: 1 },
    _connectionQueue: { length: 0, push: ask },
    emit: () => false,
  })
  hostGetConnection.call(double, callback)
}

const NOTHING = { length: 0 } as const

function doubleOf(pool: Mysql2Pool, differences: object): Mysql2Pool {
  return Object.create(pool, Object.getOwnPropertyDescriptors(differences)) as Mysql2Pool
}

/** Strikes a connection off one of mysql2's queues. */
export function removeFrom(queue: Mysql2Queue<PoolConnection>, connection: PoolConnection): boolean {
  for (let index = queue.length - 1; index >= 0; index--) {
    if (queue.get(index) !== connection) continue
    queue.removeOne(index)
    return true
  }
  return false
}

/** Strikes it off the pool's books; the pool does not mind its end any more. */
export function strikeOff(pool: Mysql2Pool, connection: PoolConnection): void {
  connection._pool = null
  removeFrom(pool._freeConnections, connection)
  removeFrom(pool._allConnections, connection)
}

/** Earlier versions do not know the mark, and get none: `false`. */
export function markReleased(connection: PoolConnection, isReleased: boolean): boolean {
  if (connection._released === undefined) return false
  connection._released = isReleased
  return true
}
