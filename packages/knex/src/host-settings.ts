import { derivePoolName, type HostSettings, type PolicyValues } from '@poolkeeper/core'
import type { Dialect } from './dialects.ts'
import type { KnexClient, KnexClientConfig } from './knex-client.ts'
import type { TarnPool } from './tarn/tarn-pool.ts'

/** What Knex's own options say about the pool, and who said it. */
export function hostSettings(client: KnexClient, pool: TarnPool<object>, dialect: Dialect): HostSettings {
  return {
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
