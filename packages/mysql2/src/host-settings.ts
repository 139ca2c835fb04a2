import { derivePoolName, describeServer, type HostSettings, type PolicyValues } from '@poolkeeper/core'
import type { Mysql2ConnectionConfig, Mysql2PoolConfig } from './pool/mysql2-pool.ts'

/** mysql2's own defaults; it does not tell them from what the user has set to the same. */
const CONNECTION_LIMIT = 10
const IDLE_TIMEOUT_MILLIS = 60_000
const CONNECT_TIMEOUT_MILLIS = 10_000

/** mysql2 has no deadline of its own for callers that wait. */
const ACQUIRE_TIMEOUT_MILLIS = 60_000

/** What stands for no limit. */
const MOST_CONNECTIONS = 100_000
const LONGEST_MILLIS = 2_147_483_647

/** What holds for a pool of which nothing is known yet. */
export const MYSQL2_DEFAULTS: HostSettings['defaults'] = {
  name: 'mysql2',
  min: 0,
  max: CONNECTION_LIMIT,
  acquireTimeoutMillis: ACQUIRE_TIMEOUT_MILLIS,
  connectTimeoutMillis: CONNECT_TIMEOUT_MILLIS,
  idleTimeoutMillis: IDLE_TIMEOUT_MILLIS,
}

/** What mysql2's own options say about the pool, and who said it. */
export function hostSettings(config: Mysql2PoolConfig): HostSettings {
  const place = placeOf(config.connectionConfig)
  const given = {
    max: config.connectionLimit === 0 ? MOST_CONNECTIONS : config.connectionLimit,
    idleTimeoutMillis: idleTimeout(config),
    connectTimeoutMillis: config.connectionConfig.connectTimeout || LONGEST_MILLIS,
  }
  const defaults = { ...MYSQL2_DEFAULTS, ...given, name: derivePoolName('mysql2', place) }
  return { server: describeServer('mysql', place), defaults, explicit: { ...explicitSettings(given), ...limits(config) } }
}

/** What differs from mysql2's defaults was said by the user. */
function explicitSettings(given: Partial<PolicyValues>): Partial<PolicyValues> {
  const differing = Object.entries(given).filter(([key, value]) => value !== MYSQL2_DEFAULTS[key as 'max'])
  return Object.fromEntries(differing)
}

function limits({ queueLimit, resetOnRelease, waitForConnections }: Mysql2PoolConfig): Partial<PolicyValues> {
  return {
    ...(queueLimit > 0 && { maxPending: queueLimit }),
    ...(!waitForConnections && { maxPending: 0 }),
    ...(resetOnRelease === true && { onReturn: 'reset' as const }),
  }
}

/** `0`, with which mysql2 closes at its next look whatever is idle, if it looks at all. */
function idleTimeout({ idleTimeout: millis = IDLE_TIMEOUT_MILLIS, maxIdle = Infinity, connectionLimit }: Mysql2PoolConfig): number | false {
  if (millis >= 1) return millis <= LONGEST_MILLIS ? Math.floor(millis) : false
  return maxIdle < connectionLimit ? 1 : false
}

function placeOf({ host, port, socketPath, database }: Mysql2ConnectionConfig): Readonly<Record<string, unknown>> {
  return socketPath === undefined ? { host, port, database } : { host: socketPath, database }
}
