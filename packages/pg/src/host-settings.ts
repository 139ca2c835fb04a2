import { derivePoolName, describeServer, type HostSettings, type PolicyValues } from '@poolkeeper/core'
import type { PgPool } from './pg-pool.ts'

/** pg-pool itself waits without limit, for a client and for a connect. */
const NO_LONGER_THAN_MILLIS = 60_000

const DEFAULT_MAX = 10
const DEFAULT_IDLE_TIMEOUT_MILLIS = 10_000

/**
 * What the pool's own options say, and who said it. pg-pool writes its defaults into the same object,
 * so a value that is the default may be the user's as well; it holds in both cases.
 */
export function hostSettings({ options }: PgPool): HostSettings {
  const { max, min = 0, idleTimeoutMillis = DEFAULT_IDLE_TIMEOUT_MILLIS } = options
  const place = options['connectionString'] === undefined ? { ...fromEnvironment(), ...options } : options
  return {
    server: describeServer('postgresql', place),
    defaults: {
      name: derivePoolName('pg', place),
      min,
      max,
      acquireTimeoutMillis: NO_LONGER_THAN_MILLIS,
      connectTimeoutMillis: NO_LONGER_THAN_MILLIS,
      idleTimeoutMillis: idleTimeoutMillis || false,
    },
    explicit: explicitSettings(options),
  }
}

function explicitSettings(options: PgPool['options']): Partial<PolicyValues> {
  const { max, min = 0, idleTimeoutMillis, connectionTimeoutMillis, maxUses, maxLifetimeSeconds } = options
  const deadline = isLimit(connectionTimeoutMillis) ? connectionTimeoutMillis : undefined
  const given = {
    max: max === DEFAULT_MAX ? undefined : max,
    min: min === 0 ? undefined : min,
    idleTimeoutMillis: idleTimeoutMillis === DEFAULT_IDLE_TIMEOUT_MILLIS ? undefined : idleTimeoutMillis || false,
    acquireTimeoutMillis: deadline,
    connectTimeoutMillis: deadline,
    maxUses: isLimit(maxUses) ? maxUses : undefined,
    maxLifetimeMillis: isLimit(maxLifetimeSeconds) ? Math.round(maxLifetimeSeconds * 1_000) : undefined,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function isLimit(value: number | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

/** Where `pg` looks for what its options do not say, unless they are a URL. */
function fromEnvironment(): Readonly<Record<string, unknown>> {
  const { PGHOST, PGPORT, PGDATABASE } = process.env
  return { host: PGHOST, port: PGPORT, database: PGDATABASE }
}
