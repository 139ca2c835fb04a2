import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PoolKeeper } from '@poolkeeper/core'
import { createRedisPool, keeperOf } from '@poolkeeper/ioredis'
import { applyPoolPolicy } from '@poolkeeper/pg'
import pg from 'pg'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import type { ServerAddress } from '../harness/server-address.ts'
import { loadedPools, type LoadedPool } from '../telemetry/loaded-pools.ts'

export const HOSTILE = '<img src=x onerror=alert(1)>'

/** The pools of an application, one of which somebody gave a name that is none. */
export interface ShownPools {
  readonly server: PostgresServer
  /** On Knex, on Drizzle and on pg alone. */
  readonly sql: readonly LoadedPool[]
  readonly redis: PoolKeeper
  /** Some queries on each, as its callers make them. */
  load(): Promise<void>
  end(): Promise<void>
}

export async function shownPools(postgres: ServerAddress, redisAddress: ServerAddress): Promise<ShownPools> {
  const server = await attachPostgres(postgres)
  const sql = loadedPools(server, 'shown')
  const redis = createRedisPool(redisAddress.url, { name: 'shown ioredis', max: 3 })
  const hostile = new pg.Pool({ connectionString: postgres.url, max: 2 })
  applyPoolPolicy(hostile, { name: HOSTILE })
  return {
    server,
    sql,
    redis: keeperOf(redis),
    async load() {
      const queries = sql.flatMap((pool) => Array.from({ length: 20 }, () => pool.query()))
      await Promise.all([...queries, ...Array.from({ length: 20 }, () => redis.ping())])
    },
    async end() {
      await Promise.all([...sql.map((pool) => pool.end()), redis.quit(), hostile.end()])
      await server.stop()
    },
  }
}

/** Begins to listen on this machine; resolves to the origin. */
export async function originOf(server: Server): Promise<string> {
  if (!server.listening) await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
