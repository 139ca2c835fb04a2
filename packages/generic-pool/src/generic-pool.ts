import { Overrides, PoolkeeperError, type PoolCredentials } from '@poolkeeper/core'
import type { Pool } from 'generic-pool'

/** What a pool holds, whatever it is. */
export type Resource = object

/** What `factory.create` is called with while a policy is on the pool; generic-pool itself gives it nothing. */
export interface CreateAttempt {
  /**
   * Aborted when nobody waits for this attempt any more: its deadline has passed, the pool is being
   * drained, or a newer attempt was answered while this one was silent. A factory that ends what it has
   * begun by then leaves no socket behind. What it creates nevertheless is destroyed.
   */
  readonly signal: AbortSignal
  /** What the policy's `credentials` gave; `undefined` without a provider. */
  readonly credentials: PoolCredentials | undefined
}

/** The user's, as generic-pool calls it. */
export interface Factory {
  create(attempt?: CreateAttempt): PromiseLike<Resource> | Resource
  destroy(resource: Resource): unknown
  validate?(resource: Resource): unknown
}

/** A resource in the pool's own wrapping, which remembers when what happened to it. */
export interface PooledResource {
  readonly obj: Resource
  allocate(): void
  deallocate(): void
  idle(): void
  invalidate(): void
}

export interface ListNode<T> {
  prev: ListNode<T> | null
  next: ListNode<T> | null
  data: T
}

export interface LinkedList<T> {
  readonly head: ListNode<T> | null
  readonly tail: ListNode<T> | null
  readonly length: number
  insertBeginning(node: ListNode<T>): void
  insertEnd(node: ListNode<T>): void
  insertBefore(node: ListNode<T>, added: ListNode<T>): void
  /** Trusts its caller: of what is not in the list it makes an empty one. */
  remove(node: ListNode<T>): void
}

/** Somebody who waits, as generic-pool queues him. */
export interface ResourceRequest {
  readonly state: string
  readonly promise: PromiseLike<Resource>
  resolve(resource: Resource): void
  reject(error: unknown): void
  /** Of a deadline that generic-pool has set. */
  removeTimeout?(): void
}

export const PENDING = 'PENDING'

/** What generic-pool keeps for a resource that is lent. */
export interface Loan {
  readonly pooledResource: PooledResource
  /** Fulfilled when the loan is over. */
  readonly promise: PromiseLike<void>
  resolve(): void
}

/** What its user said, with the defaults filled in. */
export interface PoolConfig {
  max: number
  min: number
  readonly fifo: boolean
  readonly autostart: boolean
  readonly testOnBorrow: boolean
  readonly testOnReturn: boolean
  acquireTimeoutMillis?: number | undefined
  readonly destroyTimeoutMillis?: number
  maxWaitingClients?: number | undefined
  readonly evictionRunIntervalMillis: number
  readonly softIdleTimeoutMillis: number
  readonly idleTimeoutMillis: number
}

/**
 * The part of generic-pool's `Pool` that is used here, private parts included: everything that is
 * known of its inside stands in this file. Checked at attach, and tested over a range of versions.
 */
export interface GenericPool {
  readonly pending: number
  readonly _config: PoolConfig
  readonly _factory: Factory
  readonly _Promise: PromiseConstructor
  readonly _evictor: object
  _draining: boolean
  readonly _started: boolean
  readonly _waitingClientsQueue: {
    readonly length: number
    readonly _slots: readonly { readonly _list: LinkedList<ResourceRequest> }[]
  }
  readonly _availableObjects: { readonly length: number; readonly _list: LinkedList<PooledResource> }
  readonly _allObjects: Set<PooledResource>
  readonly _resourceLoans: Map<Resource, Loan>
  readonly _factoryCreateOperations: Set<unknown>
  acquire(priority?: number): Promise<Resource>
  release(resource: Resource): Promise<void>
  destroy(resource: Resource): Promise<void>
  use(work: (resource: Resource) => unknown, priority?: number): Promise<unknown>
  drain(): Promise<void>
  clear(): Promise<void>
  _dispense(): void
  _createResource(): void
  _destroy(pooledResource: PooledResource): void
  _ensureMinimum(): void
  _scheduleEvictorRun(): void
  _descheduleEvictorRun(): void
  _addPooledResourceToAvailableObjects(pooledResource: PooledResource): void
  _dispatchPooledResourceToNextWaitingClient(pooledResource: PooledResource): boolean
}

const METHODS = [
  'acquire',
  'release',
  'destroy',
  'use',
  'drain',
  'clear',
  '_dispense',
  '_createResource',
  '_destroy',
  '_ensureMinimum',
  '_scheduleEvictorRun',
  '_descheduleEvictorRun',
  '_addPooledResourceToAvailableObjects',
  '_dispatchPooledResourceToNextWaitingClient',
] as const
const LIST_METHODS = ['insertBeginning', 'insertEnd', 'insertBefore', 'remove'] as const

/** Whether something calls itself a pool in generic-pool's way: also a subclass, or one of another copy. */
export function isGenericPool(pool: unknown): pool is Pool<Resource> {
  const { acquire, release, available, borrowed, spareResourceCapacity } = (pool ?? {}) as Record<string, unknown>
  const isPool = typeof acquire === 'function' && typeof release === 'function'
  return isPool && [available, borrowed, spareResourceCapacity].every((count) => Number.isInteger(count))
}

/**
 * Takes the pool for what it should be, or says what is missing.
 *
 * @throws PoolkeeperError `UNSUPPORTED_HOST`
 */
export function asGenericPool(given: unknown): GenericPool {
  if (!isGenericPool(given)) throw unsupported('this is not a pool of generic-pool')
  const pool = given as unknown as GenericPool
  const missing = missingOf(pool)
  if (missing.length > 0) {
    throw unsupported(`this pool is not one of generic-pool 3.6.1 or later as this version knows them: ${missing.join(', ')} missing`)
  }
  if (pool._draining) throw unsupported('this pool was drained already')
  const all = [...pool._allObjects].map(({ obj }): unknown => obj)
  if (!all.every(isResource)) throw unsupported('a resource must be an object, and one in this pool is not')
  return pool
}

export function isResource(value: unknown): value is Resource {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function missingOf(pool: GenericPool): string[] {
  const fields = pool as unknown as Record<string, unknown>
  const kinds = { _allObjects: Set, _resourceLoans: Map, _factoryCreateOperations: Set, _config: Object, _factory: Object, _evictor: Object }
  const missing: string[] = METHODS.filter((method) => typeof fields[method] !== 'function')
  for (const [field, kind] of Object.entries(kinds)) if (!(fields[field] instanceof kind)) missing.push(field)
  if (typeof fields['_Promise'] !== 'function') missing.push('_Promise')
  if (!isLinkedList(pool._availableObjects)) missing.push('_availableObjects')
  const slots: unknown = (fields['_waitingClientsQueue'] as { _slots?: unknown } | undefined)?._slots
  if (!Array.isArray(slots) || !slots.every(isLinkedList)) missing.push('_waitingClientsQueue')
  return missing
}

/** One that a user made of classes of his own may be something else. */
function isLinkedList(holder: unknown): boolean {
  const { _list: list } = (holder ?? {}) as { _list?: Record<string, unknown> }
  return list !== undefined && LIST_METHODS.every((method) => typeof list[method] === 'function')
}

function unsupported(message: string): PoolkeeperError {
  return new PoolkeeperError('UNSUPPORTED_HOST', message)
}

/**
 * generic-pool takes whoever has run into his deadline out of the queue a moment later, also when he
 * stands there no more, and spoils its list by that.
 */
export function guardRemove<T>(list: LinkedList<T>): Overrides<LinkedList<T>> {
  const overrides = new Overrides(list)
  const remove = list.remove
  overrides.set('remove', (node) => {
    if (isIn(list, node)) remove.call(list, node)
  })
  return overrides
}

export function isIn<T>(list: LinkedList<T>, node: ListNode<T>): boolean {
  return node.prev !== null || node.next !== null || list.head === node
}

/** The first first. */
export function nodesOf<T>(list: LinkedList<T>): ListNode<T>[] {
  const nodes: ListNode<T>[] = []
  for (let node = list.head; node !== null; node = node.next) nodes.push(node)
  return nodes
}

/** Has generic-pool put what arrives into its own wrapping, its books and its list. */
export function createThroughHost(pool: GenericPool, create: GenericPool['_createResource'], arrival: Promise<Resource>): void {
  create.call(viewOf(pool, { create: () => arrival }))
}

/** Has generic-pool strike it off its books, and wait and tell in its own way. */
export function destroyThroughHost(
  pool: GenericPool,
  destroy: GenericPool['_destroy'],
  pooledResource: PooledResource,
  destroyed: Promise<void>,
): void {
  destroy.call(viewOf(pool, { destroy: () => destroyed }), pooledResource)
}

/** The pool, with another factory; and without its own way of refilling, which knows no pause. */
function viewOf(pool: GenericPool, factory: Partial<Factory>): GenericPool {
  return Object.create(pool, {
    _factory: { value: { ...pool._factory, ...factory } },
    _ensureMinimum: { value: () => {} },
  }) as GenericPool
}

/** What lies idle is closed by generic-pool's own rule, if it looks at all; a user's own rule is called still. */
export function hasDefaultEvictor({ _evictor }: GenericPool): boolean {
  return _evictor.constructor.name === 'DefaultEvictor'
}

/** generic-pool's own words; its class of errors is not for others. */
export function timeoutError(cause: unknown): Error {
  return named('TimeoutError', new Error('ResourceRequest timed out', { cause }))
}

function named(name: string, error: Error): Error {
  return Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
}

export function destroyTimeoutError(): Error {
  return new Error('destroy timed out')
}

export function foreignReleaseError(): Error {
  return new Error('Resource not currently part of this pool')
}

/** In generic-pool's own words where it has some, which applications match on, with ours as their cause. */
export function inHostWords(error: PoolkeeperError, { _draining }: GenericPool): Error {
  if (error.code === 'DRAINING' && _draining) return new Error('pool is draining and cannot accept work', { cause: error })
  return error.code === 'POOL_EXHAUSTED' ? new Error('max waitingClients count exceeded', { cause: error }) : error
}
