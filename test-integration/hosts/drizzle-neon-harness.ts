import { neonConfig, type Pool as NeonPool } from '@neondatabase/serverless'
import type { AdapterHarness, KeptPool } from '@poolkeeper/conformance'
import { applyPoolPolicy, keeperOf, type PoolKeeper, type PoolPolicyOptions, withPoolPolicy } from '@poolkeeper/drizzle/neon-serverless'
import { drizzle, type NeonDatabase } from 'drizzle-orm/neon-serverless'
import type { Pool } from 'pg'
import { WebSocket } from 'ws'
import { startFaultProxy } from '../faults/proxy.ts'
import type { PostgresServer } from '../harness/postgres.ts'
import type { WebSocketProxy } from '../harness/websocket-proxy.ts'
import { type DrizzleHarnessOptions, TRIPS, type Trip } from './drizzle-ways.ts'
import { PgPool, type PgPoolParts } from './pg-pool.ts'
import { postgresDoor } from './postgres-wire.ts'

type Database = NeonDatabase & { readonly $client: NeonPool }
type Parts = PgPoolParts & { readonly db: Database }

/** A connection's host and port are those of a proxy for WebSockets, and its server is known to that. */
export function connectThroughProxies(): void {
  Object.assign(neonConfig, {
    webSocketConstructor: WebSocket,
    wsProxy: (host: string, port: number | string) => `${host}:${port}/`,
    useSecureWebSocket: false,
    pipelineConnect: false,
  })
}

let pools = 0

/** Puts `drizzle-orm/neon-serverless` before the behaviours. */
export function drizzleNeon(
  options: Omit<DrizzleHarnessOptions<PostgresServer, typeof drizzle>, 'createDb'> & { readonly entrance: () => WebSocketProxy },
): AdapterHarness {
  const { name, way, trip, server, entrance, lacks = {}, cannot = {} } = options

  async function build(make: (connection: object) => Database): Promise<Parts> {
    const label = `drizzle_neon_${++pools}`
    const { user, database } = server()
    const proxy = await startFaultProxy({ target: entrance() })
    const db = make({ host: proxy.host, port: proxy.port, user, database, application_name: label, max: 3 })
    const dispose = (): Promise<void> => proxy.close()
    return { db, pool: db.$client as unknown as Pool, server: postgresDoor(server(), label), network: proxy, dispose }
  }

  const bare = (connection: object): Database => drizzle({ connection })

  async function open(policy: PoolPolicyOptions): Promise<KeptPool> {
    const isConfigured = way === 'withPoolPolicy'
    const parts = await build((connection) => (isConfigured ? drizzle(withPoolPolicy({ connection }, policy)) : bare(connection)))
    const keeper = isConfigured ? keeperOf(parts.db) : applyPoolPolicy(parts.db, policy)
    return Object.assign(new DrizzlePool(parts, trip), { keeper })
  }

  return {
    name,
    lacks,
    cannot,
    open,
    openBare: async () => new DrizzlePool(await build(bare), trip),
    isTimeout: (error) => error instanceof Error && error.message === 'timeout exceeded when trying to connect',
  }
}

class DrizzlePool extends PgPool {
  readonly #db: Database
  readonly #trip: Trip

  constructor(parts: Parts, trip: Trip) {
    super(parts)
    this.#db = parts.db
    this.#trip = trip
  }

  override query(): Promise<void> {
    return TRIPS[this.#trip](this.#db)
  }

  override apply(policy: PoolPolicyOptions): PoolKeeper {
    return applyPoolPolicy(this.#db, policy)
  }

  override keeperOf(): PoolKeeper {
    return keeperOf(this.#db)
  }
}
