import type { BarePool, KeptPool, Lease, Network, ServerDoor } from '@poolkeeper/conformance'
import type { PoolKeeper, PoolPolicyOptions } from '@poolkeeper/core'
import { applyPoolPolicy, keeperOf } from '@poolkeeper/knex'
import type { Knex } from 'knex'
import { type Emitter, listenersOf, ownKeys, pick, refusedByServer } from './traces.ts'

/** What the tests have to know of a raw connection: its number at the server. */
export type ConnectionNumber = (connection: object) => number

export interface KnexPoolParts {
  readonly db: Knex
  readonly server: ServerDoor
  readonly network: Network
  readonly numberOf: ConnectionNumber
  readonly isInTransaction: (connection: object) => Promise<boolean>
  dispose(): Promise<void>
}

/** A Knex instance as the behaviours see it: through `knex.client`, `knex.raw` and `knex.destroy`. */
export class KnexPool implements BarePool {
  readonly db: Knex
  readonly server: ServerDoor
  readonly network: Network
  readonly #numberOf: ConnectionNumber
  readonly #isInTransaction: (connection: object) => Promise<boolean>
  readonly #dispose: () => Promise<void>

  constructor({ db, server, network, numberOf, isInTransaction, dispose }: KnexPoolParts) {
    this.db = db
    this.server = server
    this.network = network
    this.#numberOf = numberOf
    this.#isInTransaction = isInTransaction
    this.#dispose = dispose
  }

  async acquire(): Promise<Lease> {
    const { db } = this
    const client = db.client as Knex.Client
    const connection = (await client.acquireConnection()) as object
    return {
      id: this.#numberOf(connection),
      query: async () => void (await db.raw('select 1').connection(connection)),
      failingQuery: () => refusedByServer(db.raw('select nothing from nowhere').connection(connection)),
      begin: async () => void (await db.raw('begin').connection(connection)),
      isInTransaction: () => this.#isInTransaction(connection),
      release: () => Promise.resolve(client.releaseConnection(connection)),
    }
  }

  async query(): Promise<void> {
    await this.db.raw('select 1')
  }

  releaseForeign(): void {
    void (this.db.client as Knex.Client).releaseConnection({})
  }

  end(): Promise<void> {
    return this.db.destroy()
  }

  dispose(): Promise<void> {
    return this.#dispose()
  }

  apply(policy: PoolPolicyOptions): PoolKeeper {
    return applyPoolPolicy(this.db, policy)
  }

  keeperOf(): PoolKeeper {
    return keeperOf(this.db)
  }

  traces(): object {
    return tracesOf(this.db)
  }
}

/** The same, attended by a keeper. */
export class KeptKnexPool extends KnexPool implements KeptPool {
  readonly keeper: PoolKeeper

  constructor(parts: KnexPoolParts, keeper: PoolKeeper) {
    super(parts)
    this.keeper = keeper
  }
}

interface TarnInside extends Record<string, unknown> {
  readonly emitter: Emitter
  readonly free: readonly { readonly resource: object }[]
}

const POOL_METHODS = ['acquire', 'release', 'check', 'destroy', 'validate', 'destroyer', 'creator', '_create', '_destroy']
const CLIENT_METHODS = ['acquireConnection', 'releaseConnection', 'initializePool', 'validateConnection', 'query', 'destroy']
const LIMITS = ['min', 'max', 'acquireTimeoutMillis', 'createTimeoutMillis', 'idleTimeoutMillis']

function tracesOf(db: Knex): object {
  const client = db.client as unknown as Record<string, unknown> & Emitter
  const pool = client['pool'] as TarnInside
  return {
    instance: Reflect.ownKeys(db),
    client: { keys: ownKeys(client), listeners: listenersOf(client), methods: pick(client, CLIENT_METHODS) },
    pool: {
      keys: ownKeys(pool),
      listeners: listenersOf(pool.emitter),
      methods: pick(pool, [...POOL_METHODS, '_doCreate', '_shouldCreateMoreResources', '_tryAcquireOrCreate']),
      limits: pick(pool, LIMITS),
    },
    idle: pool.free.map(({ resource }) => ({ keys: ownKeys(resource), listeners: connectionListeners(resource) })),
  }
}

// A database without events of its own (SQLite) has nothing to listen to.
function connectionListeners(connection: object): object {
  return 'eventNames' in connection ? listenersOf(connection as Emitter) : {}
}
