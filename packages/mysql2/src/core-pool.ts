import { PoolkeeperError } from '@poolkeeper/core'
import { asCluster, type Mysql2Cluster } from './cluster/mysql2-cluster.ts'
import type { Pool } from 'mysql2'
import type { Pool as PromisePool } from 'mysql2/promise'
import { asMysql2Pool, isObject, looksLikeMysql2Pool, type Mysql2Pool } from './pool/mysql2-pool.ts'

/** What is below a pool or a cluster of mysql2, whichever of its two faces was given. */
export type Mysql2Host =
  | { readonly kind: 'pool'; readonly pool: Mysql2Pool }
  | { readonly kind: 'cluster'; readonly cluster: Mysql2Cluster }

/**
 * Finds the callback pool or cluster below what `mysql2` or `mysql2/promise` made.
 *
 * @throws PoolkeeperError `UNSUPPORTED_HOST` when it is neither, or is closed.
 */
export function hostBelow(given: unknown): Mysql2Host {
  const host = coreOf(given)
  if (isObject(host) && isObject(host['_nodes'])) return { kind: 'cluster', cluster: asCluster(host) }
  if (isObject(host) && typeof host['getConnection'] === 'function') return { kind: 'pool', pool: asMysql2Pool(host) }
  throw new PoolkeeperError('UNSUPPORTED_HOST', 'this is neither a pool nor a cluster of mysql2')
}

/** Whether something is a pool of mysql2, of either face; also one of another copy. */
export function isMysql2Pool(given: unknown): given is Pool | PromisePool {
  return looksLikeMysql2Pool(coreOf(given))
}

/** The object for which a keeper is registered. */
export function coreOf(given: unknown): unknown {
  if (!isObject(given)) return given
  const { pool, poolCluster } = given
  if (isObject(poolCluster)) return poolCluster
  return isObject(pool) && typeof pool['getConnection'] === 'function' ? pool : given
}
