import type { BarePool, KeptPool, Lease, Network, ServerDoor } from '@poolkeeper/conformance'
import { applyPoolPolicy, keeperOf, type PoolKeeper, type PoolPolicyOptions, type ResourceDriver } from '@poolkeeper/generic-pool'
import type { Pool } from 'generic-pool'

/** A kind of resource, as the behaviours use it. */
export interface ResourceKind<T extends object> {
  readonly driver: ResourceDriver<T>
  idOf(resource: T): number
  query(resource: T): Promise<void>
  /** Resolves when the server has refused it. */
  failingQuery(resource: T): Promise<void>
  begin(resource: T): Promise<void>
  isInTransaction(resource: T): Promise<boolean>
}

export interface GenericPoolParts<T extends object> {
  readonly pool: Pool<T>
  readonly kind: ResourceKind<T>
  readonly server: ServerDoor
  readonly network: Network
  dispose(): Promise<void>
}

/** A pool of generic-pool as the behaviours see it: through `acquire`, `use`, `release`, `drain` and `clear`. */
export class GenericPool<T extends object> implements BarePool {
  readonly server: ServerDoor
  readonly network: Network
  readonly #parts: GenericPoolParts<T>
  #end: Promise<void> | undefined

  constructor(parts: GenericPoolParts<T>) {
    this.server = parts.server
    this.network = parts.network
    this.#parts = parts
  }

  async acquire(): Promise<Lease> {
    const { kind, pool } = this.#parts
    const resource = await pool.acquire()
    return {
      id: kind.idOf(resource),
      query: () => kind.query(resource),
      failingQuery: () => kind.failingQuery(resource),
      begin: () => kind.begin(resource),
      isInTransaction: () => kind.isInTransaction(resource),
      release: () => releaseAgain(pool.release(resource)),
    }
  }

  async query(): Promise<void> {
    const { kind, pool } = this.#parts
    await pool.use((resource) => kind.query(resource))
  }

  releaseForeign(): void {
    void this.#parts.pool.release({} as T)
  }

  /** As its README says. */
  end(): Promise<void> {
    const { pool } = this.#parts
    this.#end ??= pool.drain().then(() => pool.clear())
    return this.#end
  }

  dispose(): Promise<void> {
    return this.#parts.dispose()
  }

  apply(policy: PoolPolicyOptions): PoolKeeper {
    return applyPoolPolicy(this.#parts.pool, policy, this.#parts.kind.driver)
  }

  keeperOf(): PoolKeeper {
    return keeperOf(this.#parts.pool)
  }

  traces(): object {
    return tracesOf(this.#parts.pool)
  }
}

/** The same, attended by a keeper. */
export class KeptGenericPool<T extends object> extends GenericPool<T> implements KeptPool {
  readonly keeper: PoolKeeper

  constructor(parts: GenericPoolParts<T>, keeper: PoolKeeper) {
    super(parts)
    this.keeper = keeper
  }
}

/** The second time, generic-pool rejects; that is its contract, and stays it. */
async function releaseAgain(released: Promise<void>): Promise<void> {
  try {
    await released
  } catch (error) {
    if (!(error instanceof Error) || error.message !== 'Resource not currently part of this pool') throw error
  }
}

interface Emitter {
  eventNames(): (string | symbol)[]
  listenerCount(event: string | symbol): number
}

interface List {
  readonly head: ListNode | null
}

interface ListNode {
  readonly next: ListNode | null
  readonly data: { readonly obj: object }
}

interface Inside extends Record<string, unknown>, Emitter {
  readonly _config: Record<string, unknown>
  readonly _factory: object
  readonly _availableObjects: { readonly _list: List }
  readonly _waitingClientsQueue: { readonly _slots: readonly { readonly _list: List }[] }
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
  '_addPooledResourceToAvailableObjects',
  '_dispatchPooledResourceToNextWaitingClient',
]

function tracesOf<T>(pool: Pool<T>): object {
  const inside = pool as unknown as Inside
  return {
    keys: ownKeys(inside),
    listeners: listenersOf(inside),
    methods: Object.fromEntries(METHODS.map((method) => [method, inside[method]])),
    factory: inside._factory,
    config: { keys: ownKeys(inside._config), values: { ...inside._config } },
    queues: inside._waitingClientsQueue._slots.map(({ _list }) => ownKeys(_list)),
    idle: nodesOf(inside._availableObjects._list).map((node) => ({
      keys: ownKeys(node),
      resource: { keys: ownKeys(node.data.obj), listeners: listenersOf(node.data.obj as Emitter) },
    })),
  }
}

function nodesOf({ head }: List): ListNode[] {
  const nodes: ListNode[] = []
  for (let node = head; node !== null; node = node.next) nodes.push(node)
  return nodes
}

function ownKeys(target: object): string[] {
  return Reflect.ownKeys(target).map(String).sort()
}

function listenersOf(emitter: Emitter): object {
  const events = emitter.eventNames().filter((event) => emitter.listenerCount(event) > 0)
  return Object.fromEntries(events.map((event) => [String(event), emitter.listenerCount(event)]))
}
