import { derivePoolName, describeServer, type HostSettings, type PolicyValues } from '@poolkeeper/core'
import type { Dialect } from './dialects.ts'
import type { KnexClient, KnexClientConfig } from './knex-client.ts'
import type { TarnPool } from './tarn/tarn-pool.ts'

/** What OpenTelemetry calls a database, by Knex's name for a driver or else for a dialect. */
const SYSTEMS: Readonly<Record<string, string>> = {
  mariadb: 'mariadb',
  postgresql: 'postgresql',
  cockroachdb: 'cockroachdb',
  redshift: 'aws.redshift',
  mysql: 'mysql',
  sqlite3: 'sqlite',
  mssql: 'microsoft.sql_server',
  oracle: 'oracle.db',
}

/** What Knex's own options say about the pool, and who said it. */
export function hostSettings(client: KnexClient, pool: TarnPool<object>, dialect: Dialect): HostSettings {
  return {
    server: describeServer(SYSTEMS[client.driverName ?? ''] ?? SYSTEMS[client.dialect ?? ''] ?? 'other_sql', client.connectionSettings),
    defaults: {
      name: derivePoolName(client.driverName ?? 'knex', client.connectionSettings),
      min: pool.min,
      max: pool.max,
      acquireTimeoutMillis: pool.acquireTimeoutMillis,
      connectTimeoutMillis: pool.createTimeoutMillis,
      idleTimeoutMillis: pool.idleTimeoutMillis,
    },
    explicit: client._ownsPool === false ? { min: pool.min, max: pool.max } : explicitSettings(client.config),
    fixed: dialect.fixed,
  }
}

function explicitSettings({ acquireConnectionTimeout, pool = {} }: KnexClientConfig): Partial<PolicyValues> {
  const { min, max, idleTimeoutMillis, createTimeoutMillis, acquireTimeoutMillis, maxConnectionLifetimeMillis } = pool
  // Knex takes the smaller of the two.
  const timeouts = [acquireConnectionTimeout, acquireTimeoutMillis].filter((timeout) => timeout !== undefined)
  const given = {
    min,
    max,
    idleTimeoutMillis,
    connectTimeoutMillis: createTimeoutMillis,
    acquireTimeoutMillis: timeouts.length === 0 ? undefined : Math.min(...timeouts),
    maxLifetimeMillis: isLifetime(maxConnectionLifetimeMillis) ? maxConnectionLifetimeMillis : undefined,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function isLifetime(value: number | undefined): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}
