import type { AdapterHarness, KeptPool } from '@poolkeeper/conformance'
import { applyPoolPolicy, keeperOf, type PoolKeeper, type PoolPolicyOptions, withPoolPolicy } from '@poolkeeper/drizzle/node-postgres'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Pool, PoolConfig } from 'pg'
import { startFaultProxy } from '../faults/proxy.ts'
import type { PostgresServer } from '../harness/postgres.ts'
import { type DrizzleHarnessOptions, type Trip, TRIPS } from './drizzle-ways.ts'
import { PgPool, type PgPoolParts } from './pg-pool.ts'
import { postgresDoor } from './postgres-wire.ts'

type Database = NodePgDatabase & { readonly $client: Pool }
type Parts = PgPoolParts & { readonly db: Database }

let pools = 0

/** Puts `drizzle-orm/node-postgres` before the behaviours. */
export function drizzleNodePostgres(options: DrizzleHarnessOptions<PostgresServer, typeof drizzle>): AdapterHarness {
  const { name, way, trip, server, lacks = {}, cannot = {}, createDb = drizzle } = options

  async function build(make: (connection: PoolConfig) => Database): Promise<Parts> {
    const label = `drizzle_pg_${++pools}`
    const { host, port, user, database } = server()
    const proxy = await startFaultProxy({ target: { host, port } })
    const db = make({ host: proxy.host, port: proxy.port, user, database, application_name: label, max: 3 })
    const dispose = (): Promise<void> => proxy.close()
    return { db, pool: db.$client, server: postgresDoor(server(), label), network: proxy, dispose }
  }

  const bare = (connection: PoolConfig): Database => createDb({ connection })

  async function open(policy: PoolPolicyOptions): Promise<KeptPool> {
    const isConfigured = way === 'withPoolPolicy'
    const parts = await build((connection) => (isConfigured ? createDb(withPoolPolicy({ connection }, policy)) : bare(connection)))
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

/** The pool below a database: leases come from `$client`, round trips through Drizzle. */
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
