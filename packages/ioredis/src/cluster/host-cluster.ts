import { PoolkeeperError } from '@poolkeeper/core'
import type { RedisOptions } from 'ioredis'
import type { HostClient, SentCommand } from '../host/redis-client.ts'

/** A command that a client has not sent yet. */
export interface QueuedCommand {
  readonly command: SentCommand
  readonly stream?: object | undefined
}

interface Queue {
  readonly length: number
  shift(): QueuedCommand | undefined
}

/** A client that a Cluster keeps for one of its nodes. */
export interface NodeClient extends HostClient {
  /** What waits for it to be connected. */
  readonly offlineQueue: Queue
  duplicate(override: Partial<RedisOptions>): NodeClient
  readonly(): Promise<unknown>
  readwrite(): Promise<unknown>
  rawListeners(event: string): ((...args: never[]) => void)[]
  once(event: string, listener: () => void): unknown
}

interface Emitter {
  on(event: string, listener: (...args: never[]) => void): unknown
  removeListener(event: string, listener: (...args: never[]) => void): unknown
  emit(event: string, ...args: unknown[]): boolean
}

type Role = 'all' | 'master' | 'slave'

/** Where a Cluster keeps its clients, by `host:port`. */
interface ConnectionPool extends Emitter {
  readonly nodes: Readonly<Record<Role, Record<string, NodeClient | undefined>>>
  removeNode(key: string): void
  /** Since ioredis 6: its listeners know then that a client may have been replaced. */
  readonly recreate?: unknown
  readonly hooks?: { onCreate?(client: NodeClient, readOnly: boolean): void; onRemove?(client: NodeClient): void }
}

/**
 * The part of ioredis's `Cluster` that is used here; all that it keeps to itself stands in this file.
 *
 * A command is taken by `sendCommand`, and given to the client of a node; on "Connection is closed." and on the errors
 * of a cluster that changes, it is sent again by the Cluster itself.
 */
export interface HostCluster extends Emitter {
  readonly status: string
  readonly options: { readonly redisOptions?: RedisOptions; readonly lazyConnect?: boolean; readonly keyPrefix?: string }
  readonly connectionPool: ConnectionPool
  sendCommand: (command: SentCommand, stream?: object, node?: object) => unknown
  refreshSlotsCache(): void
  connect(): Promise<void>
  disconnect(reconnect?: boolean): void
}

const VERSIONS = '5.3 to 6'
const METHODS = ['sendCommand', 'refreshSlotsCache', 'connect', 'disconnect', 'emit', 'on', 'removeListener'] as const
const POOL_METHODS = ['removeNode', 'emit', 'on', 'removeListener'] as const
const ROLES = ['all', 'master', 'slave'] as const

/** @throws PoolkeeperError `UNSUPPORTED_HOST` */
export function asHostCluster(given: unknown): HostCluster {
  const cluster = fieldsOf(given)
  if (cluster['isCluster'] !== true) throw new PoolkeeperError('UNSUPPORTED_HOST', 'this is no Cluster of ioredis')
  const pool = fieldsOf(cluster['connectionPool'])
  const nodes = fieldsOf(pool['nodes'])
  const missing = [
    ...METHODS.filter((method) => typeof cluster[method] !== 'function'),
    ...POOL_METHODS.filter((method) => typeof pool[method] !== 'function').map((method) => `connectionPool.${method}`),
    ...ROLES.filter((role) => typeof nodes[role] !== 'object').map((role) => `connectionPool.nodes.${role}`),
  ]
  if (missing.length === 0) return given as HostCluster
  const what = `this is not a Cluster as ioredis ${VERSIONS} makes it: ${missing.join(', ')} missing`
  throw new PoolkeeperError('UNSUPPORTED_HOST', what)
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

export function clientOf({ connectionPool }: HostCluster, key: string): NodeClient | undefined {
  return connectionPool.nodes.all[key]
}

export function nodeKeys({ connectionPool }: HostCluster): string[] {
  return Object.keys(connectionPool.nodes.all)
}

export function isReplica({ connectionPool }: HostCluster, key: string): boolean {
  return connectionPool.nodes.slave[key] !== undefined
}

/** A client like another one. It connects when it is told to, or by its first command, and not a second time. */
export function clientLike({ connectionPool }: HostCluster, client: NodeClient): NodeClient {
  const made = client.duplicate({ lazyConnect: true, retryStrategy: null })
  connectionPool.hooks?.onCreate?.(made, made.options.readOnly === true)
  return made
}

/**
 * Puts a client in the place of another one, with the listeners that the Cluster puts on each of its own. To what
 * subscribes, nothing has happened: its node has neither gone nor come.
 */
export function replaceClient(cluster: HostCluster, key: string, old: NodeClient, fresh: NodeClient): void {
  const { connectionPool: pool } = cluster
  forgetEnd(pool, old)
  const { readOnly = false, retryStrategy } = old.options
  if ((fresh.options.readOnly ?? false) !== readOnly) {
    fresh.options.readOnly = readOnly
    if (fresh.status !== 'wait') fresh[readOnly ? 'readonly' : 'readwrite']().catch(() => {})
  }
  // ioredis looks at it when the connection is lost, not before.
  if (retryStrategy !== undefined) fresh.options.retryStrategy = retryStrategy
  pool.hooks?.onRemove?.(old)
  for (const role of ROLES) if (pool.nodes[role][key] === old) pool.nodes[role][key] = fresh
  fresh.on('error', (error) => void pool.emit('nodeError', error, key))
  fresh.once('end', () => ended(pool, key, fresh))
  cluster.emit('+node', fresh)
  cluster.emit('-node', old)
}

/** Before ioredis 6, the end of a client takes its node out of the pool, whoever serves it by then. */
function forgetEnd(pool: ConnectionPool, client: NodeClient): void {
  if (pool.recreate !== undefined) return
  // The first is the pool's own: it was put on before anybody else had the client.
  const [own] = client.rawListeners('end')
  if (own !== undefined) client.removeListener('end', own as (error?: unknown) => void)
}

function ended(pool: ConnectionPool, key: string, client: NodeClient): void {
  const serving = pool.nodes.all[key]
  // Of a node that the Cluster has taken out itself, the end is still to be told.
  if (serving !== undefined && serving !== client) return
  pool.removeNode(key)
  pool.emit('-node', client, key)
  if (Object.keys(pool.nodes.all).length === 0) pool.emit('drain')
}

/** A pipeline writes all of its commands at once, to the client that stands here. */
export function redirect(stream: object | undefined, client: NodeClient): void {
  const { destination } = fieldsOf(stream)
  if (typeof destination === 'object' && destination !== null) Object.assign(destination, { redis: client })
}

/** As ioredis says it of a command that was not answered: a Cluster sends it again, to whoever serves its key then. */
export function connectionClosed(): Error {
  return new Error('Connection is closed.')
}
