import type { BarePool, KeptPool, Lease, Network, ServerDoor } from '@poolkeeper/conformance'
import { applyPoolPolicy, keeperOf, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/mysql2'
import type { Pool, PoolCluster, RowDataPacket } from 'mysql2'
import type { Pool as PromisePool, PoolConnection } from 'mysql2/promise'
import { type Emitter, listenersOf, ownKeys, pick, refusedByServer } from './traces.ts'

/** One of mysql2's faces, as its users hold it. */
export interface Mysql2Face {
  /** What the policy is applied to. */
  readonly host: Pool | PromisePool | PoolCluster
  /** The callback pool below it. */
  readonly core: () => Pool
  getConnection(): Promise<PoolConnection>
  query(): Promise<unknown>
  releaseForeign(): void
  end(): Promise<void>
}

export interface Mysql2PoolParts {
  readonly face: Mysql2Face
  readonly server: ServerDoor
  readonly network: Network
  dispose(): Promise<void>
}

/** A pool of mysql2 as the behaviours see it: through `getConnection`, `query`, `release` and `end`. */
export class Mysql2Pool implements BarePool {
  readonly face: Mysql2Face
  readonly server: ServerDoor
  readonly network: Network
  readonly #dispose: () => Promise<void>

  constructor({ face, server, network, dispose }: Mysql2PoolParts) {
    this.face = face
    this.server = server
    this.network = network
    this.#dispose = dispose
  }

  async acquire(): Promise<Lease> {
    const connection = await this.face.getConnection()
    return {
      id: connection.threadId,
      query: async () => void (await connection.query('select 1')),
      failingQuery: () => refusedByServer(connection.query('select nothing from nowhere')),
      begin: async () => void (await connection.query('begin')),
      isInTransaction: async () => {
        const [rows] = await connection.query<RowDataPacket[]>('select @@in_transaction as isOpen')
        return rows[0]?.['isOpen'] === 1
      },
      release: () => Promise.resolve(connection.release()),
    }
  }

  async query(): Promise<void> {
    await this.face.query()
  }

  releaseForeign(): void {
    this.face.releaseForeign()
  }

  end(): Promise<void> {
    return this.face.end()
  }

  dispose(): Promise<void> {
    return this.#dispose()
  }

  apply(policy: PoolPolicyOptions): PoolKeeper {
    return applyPoolPolicy(this.face.host as Pool, policy)
  }

  keeperOf(): PoolKeeper {
    return keeperOf(this.face.host as Pool)
  }

  traces(): object {
    const { host, core } = this.face
    return { host: tracesOf(host), core: tracesOf(core()), inside: insideOf(core() as unknown as Inside) }
  }
}

/** The same, attended by a keeper. */
export class KeptMysql2Pool extends Mysql2Pool implements KeptPool {
  readonly keeper: PoolKeeper

  constructor(parts: Mysql2PoolParts, keeper: PoolKeeper) {
    super(parts)
    this.keeper = keeper
  }
}

interface Inside {
  readonly config: object
  readonly _allConnections: { toArray(): Emitter[] }
}

const METHODS = ['getConnection', 'releaseConnection', 'query', 'execute', 'end', '_removeConnection']
const OF_A_CLUSTER = ['add', 'of', 'remove', '_getConnection', '_increaseErrorCount', '_canRetry']
const OF_A_CONNECTION = ['release', 'destroy', 'end', 'handlePacket', 'addCommand', '_realEnd']

function tracesOf(host: object): object {
  return {
    keys: ownKeys(host),
    listeners: listenersOf(host as Emitter),
    methods: pick(host, [...METHODS, ...OF_A_CLUSTER]),
  }
}

function insideOf({ config, _allConnections: all }: Inside): object {
  const connections = all.toArray().map((connection) => ({
    keys: ownKeys(connection),
    listeners: listenersOf(connection),
    methods: pick(connection, OF_A_CONNECTION),
  }))
  return { config: { ...config }, connections }
}
