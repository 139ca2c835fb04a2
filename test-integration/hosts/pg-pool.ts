import type { BarePool, KeptPool, Lease, Network, ServerDoor } from '@poolkeeper/conformance'
import { applyPoolPolicy, keeperOf, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/pg'
import { Client, type Pool, type PoolClient } from 'pg'
import { type Emitter, listenersOf, ownKeys, pick, refusedByServer } from './traces.ts'

export interface PgPoolParts {
  readonly pool: Pool
  readonly server: ServerDoor
  readonly network: Network
  /** The number at the server of a connection, for clients that do not have it as `processID`. */
  readonly numberOf?: ((client: PoolClient) => number | Promise<number> | undefined) | undefined
  dispose(): Promise<void>
}

/** A pool of pg as the behaviours see it: through `connect`, `query`, `release` and `end`. */
export class PgPool implements BarePool {
  readonly pool: Pool
  readonly server: ServerDoor
  readonly network: Network
  readonly #dispose: () => Promise<void>
  readonly #numberOf: NonNullable<PgPoolParts['numberOf']>
  #end: Promise<void> | undefined

  constructor({ pool, server, network, numberOf, dispose }: PgPoolParts) {
    this.pool = pool
    this.server = server
    this.network = network
    this.#numberOf = numberOf ?? ((client) => (client as PoolClient & { processID: number }).processID)
    this.#dispose = dispose
  }

  async acquire(): Promise<Lease> {
    const client = await this.pool.connect()
    return {
      id: (await this.#numberOf(client)) ?? 0,
      query: async () => void (await client.query('select 1')),
      failingQuery: () => refusedByServer(client.query('select nothing from nowhere')),
      begin: async () => void (await client.query('begin')),
      // Outside of a transaction each statement is one of its own, and begins when it does.
      async isInTransaction() {
        const { rows } = await client.query<{ open: boolean }>('select now() <> statement_timestamp() as open')
        return rows[0]?.open === true
      },
      release: async () => releaseAgain(() => client.release()),
    }
  }

  async query(): Promise<void> {
    await this.pool.query('select 1')
  }

  /** No public way leads there, since a client gives itself back; this is what such a client would call. */
  releaseForeign(): void {
    const inside = this.pool as unknown as { _release(client: Client, idleListener: () => void): void }
    inside._release(new Client(), () => {})
  }

  end(): Promise<void> {
    this.#end ??= this.pool.end()
    return this.#end
  }

  dispose(): Promise<void> {
    return this.#dispose()
  }

  apply(policy: PoolPolicyOptions): PoolKeeper {
    return applyPoolPolicy(this.pool, policy)
  }

  keeperOf(): PoolKeeper {
    return keeperOf(this.pool)
  }

  traces(): object {
    return tracesOf(this.pool)
  }
}

/** The same, attended by a keeper. */
export class KeptPgPool extends PgPool implements KeptPool {
  readonly keeper: PoolKeeper

  constructor(parts: PgPoolParts, keeper: PoolKeeper) {
    super(parts)
    this.keeper = keeper
  }
}

/** The second time, pg-pool throws; that is its contract, and stays it. */
function releaseAgain(release: () => void): void {
  try {
    release()
  } catch (error) {
    const words = 'Release called on client which has already been released to the pool.'
    if (!(error instanceof Error) || error.message !== words) throw error
  }
}

interface Inside extends Record<string, unknown>, Emitter {
  readonly options: Record<string, unknown>
  readonly _idle: readonly { readonly client: Emitter & { readonly connection?: Emitter; readonly native?: Emitter }; readonly idleListener: unknown }[]
}

const METHODS = ['connect', 'query', 'end', 'newClient', '_isFull', '_pulseQueue', '_acquireClient', '_release', '_releaseOnce', '_remove']

function tracesOf(pool: Pool): object {
  const inside = pool as unknown as Inside
  return {
    keys: ownKeys(inside),
    listeners: listenersOf(inside),
    methods: pick(inside, METHODS),
    options: { keys: ownKeys(inside.options), values: { ...inside.options } },
    idle: inside._idle.map(({ client, idleListener }) => ({
      keys: ownKeys(client),
      listeners: listenersOf(client),
      wire: listenersOf(client.connection ?? client.native ?? client),
      idleListener,
    })),
  }
}
