import type { KeeperDependencies, PoolKeeper, PoolPolicyOptions } from '@poolkeeper/core'
import * as mysql2 from '@poolkeeper/mysql2'
import * as pg from '@poolkeeper/pg'
import type { KnexClient } from './knex-client.ts'

/** A pool of the driver's own, given to Knex as `connectionPool`: the policy is put on that pool. */
export interface NativePool {
  apply(policy: PoolPolicyOptions, dependencies?: KeeperDependencies): PoolKeeper
  keeperOf(): PoolKeeper
}

type Port = (pool: object) => NativePool | undefined

/** Each knows its own pools by their structure, and imports nothing of its driver. */
const PORTS: readonly Port[] = [
  (pool) => {
    if (!pg.isPgPool(pool)) return undefined
    return { apply: (...policy) => pg.applyPoolPolicy(pool, ...policy), keeperOf: () => pg.keeperOf(pool) }
  },
  (pool) => {
    if (!mysql2.isMysql2Pool(pool)) return undefined
    return { apply: (...policy) => mysql2.applyPoolPolicy(pool, ...policy), keeperOf: () => mysql2.keeperOf(pool) }
  },
]

/** `undefined` when the pool is Knex's own, or of a kind that nobody here knows. */
export function nativePoolOf({ config: { connectionPool } }: KnexClient): NativePool | undefined {
  if (typeof connectionPool !== 'object' || connectionPool === null) return undefined
  for (const port of PORTS) {
    const native = port(connectionPool)
    if (native !== undefined) return native
  }
  return undefined
}
