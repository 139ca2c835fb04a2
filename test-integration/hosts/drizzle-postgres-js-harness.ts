import type { AdapterHarness, KeptPool } from '@poolkeeper/conformance'
import {
  applyPoolPolicy,
  findPoolkeeperError,
  keeperOf,
  type PoolKeeper,
  type PoolPolicyOptions,
  withPoolPolicy,
} from '@poolkeeper/drizzle/postgres-js'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Options, Sql } from 'postgres'
import { startFaultProxy } from '../faults/proxy.ts'
import type { PostgresServer } from '../harness/postgres.ts'
import { type DrizzleHarnessOptions, type Trip, TRIPS } from './drizzle-ways.ts'
import { NO_RESIZE, optionsFor, PostgresJsPool, type PostgresJsParts } from './postgres-js-harness.ts'
import { postgresDoor } from './postgres-wire.ts'

type Database = PostgresJsDatabase & { readonly $client: Sql }
type Connection = Options<Record<string, never>>
type Parts = PostgresJsParts & { readonly db: Database }

let pools = 0

/** Puts `drizzle-orm/postgres-js` before the behaviours. */
export function drizzlePostgresJs(options: DrizzleHarnessOptions<PostgresServer, typeof drizzle>): AdapterHarness {
  const { name, way, trip, server, lacks = { resize: NO_RESIZE }, cannot = {}, createDb = drizzle } = options

  async function build(make: (connection: Connection) => Database): Promise<Parts> {
    const label = `drizzle_postgres_js_${++pools}`
    const proxy = await startFaultProxy({ target: server() })
    const db = make(optionsFor(server(), proxy, label))
    const dispose = (): Promise<void> => proxy.close()
    return { db, sql: db.$client, server: postgresDoor(server(), label), network: proxy, dispose }
  }

  const bare = (connection: Connection): Database => createDb({ connection })

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
    isTimeout: (error) => findPoolkeeperError(error) !== undefined,
    hasNoDeadline: true,
  }
}

/** The instance below a database: leases come from `$client`, round trips through Drizzle. */
class DrizzlePool extends PostgresJsPool {
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
