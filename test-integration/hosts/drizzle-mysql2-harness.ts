import type { AdapterHarness, KeptPool } from '@poolkeeper/conformance'
import { applyPoolPolicy, isPoolkeeperError, keeperOf, type PoolKeeper, type PoolPolicyOptions, withPoolPolicy } from '@poolkeeper/drizzle/mysql2'
import { drizzle, type AnyMySql2Connection, type MySql2Database } from 'drizzle-orm/mysql2'
import type { Pool, PoolConnection, PoolOptions } from 'mysql2'
import type { Pool as PromisePool } from 'mysql2/promise'
import { startFaultProxy } from '../faults/proxy.ts'
import type { MariadbServer } from '../harness/mariadb.ts'
import { type DrizzleHarnessOptions, type Trip, TRIPS } from './drizzle-ways.ts'
import { mariadbWire } from './mariadb-wire.ts'
import { type Mysql2Face, Mysql2Pool, type Mysql2PoolParts } from './mysql2-pool.ts'

type Database = MySql2Database & { readonly $client: AnyMySql2Connection }
type Parts = Mysql2PoolParts & { readonly db: Database }

let pools = 0

/** Puts `drizzle-orm/mysql2` before the behaviours. */
export function drizzleMysql2(options: DrizzleHarnessOptions<MariadbServer, typeof drizzle>): AdapterHarness {
  const { name, way, trip, server, lacks = {}, cannot = {}, createDb = drizzle } = options

  async function build(make: (connection: PoolOptions) => Database): Promise<Parts> {
    const label = `drizzle_mysql_${++pools}`
    const { target, config, door, forget } = mariadbWire(server(), 'mysql2')
    if (target === undefined) throw new Error('no server')
    const proxy = await startFaultProxy({ target })
    const { connection } = await config(proxy, label)
    const db = make({ ...(connection as PoolOptions), connectionLimit: 3 })
    const dispose = async (): Promise<void> => {
      await proxy.close()
      await forget(label)
    }
    return { db, face: faceOf(db, trip), server: door(label), network: proxy, dispose }
  }

  const bare = (connection: PoolOptions): Database => createDb({ connection })

  async function open(policy: PoolPolicyOptions): Promise<KeptPool> {
    const isConfigured = way === 'withPoolPolicy'
    const parts = await build((connection) => (isConfigured ? createDb(withPoolPolicy({ connection }, policy)) : bare(connection)))
    const keeper = isConfigured ? keeperOf(parts.db) : applyPoolPolicy(parts.db, policy)
    return Object.assign(new DrizzlePool(parts), { keeper })
  }

  return {
    name,
    lacks,
    cannot,
    open,
    openBare: async () => new DrizzlePool(await build(bare)),
    isTimeout: isPoolkeeperError,
    hasNoDeadline: true,
  }
}

/** Before 1.0 Drizzle makes a callback pool, and from then on a promise pool. */
function faceOf(db: Database, trip: Trip): Mysql2Face {
  const client = db.$client as Pool | PromisePool
  const core = 'pool' in client ? client.pool : client
  const pool = core.promise()
  return {
    host: client,
    core: () => core,
    getConnection: () => pool.getConnection(),
    query: () => TRIPS[trip](db),
    releaseForeign: () => core.releaseConnection({} as PoolConnection),
    end: () => pool.end(),
  }
}

/** The pool below a database: leases come from `$client`, round trips through Drizzle. */
class DrizzlePool extends Mysql2Pool {
  readonly #db: Database

  constructor(parts: Parts) {
    super(parts)
    this.#db = parts.db
  }

  override apply(policy: PoolPolicyOptions): PoolKeeper {
    return applyPoolPolicy(this.#db, policy)
  }

  override keeperOf(): PoolKeeper {
    return keeperOf(this.#db)
  }
}
