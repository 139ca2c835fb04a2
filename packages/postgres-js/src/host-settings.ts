import { describeServer, type HostSettings, type PolicyValues, type PoolPolicyOptions } from '@poolkeeper/core'
import { FIXED } from './capabilities.ts'
import type { PostgresOptions } from './postgres-host.ts'

/** As postgres.js has none: who waits for a connection waits. The longest that a timer can hold. */
export const NO_DEADLINE_MILLIS = 2_147_483_647
const CONNECT_TIMEOUT_MILLIS = 30_000
const LIFETIME_MILLIS = 1_800_000
const SPREAD = 0.1

/** What postgres.js itself says, once it has read its options. */
export function hostSettings(options: PostgresOptions, settled: Partial<PolicyValues>): HostSettings {
  const { connect_timeout, database, host, idle_timeout, max, path, port } = options
  const address = typeof path === 'string' && path !== '' ? path : `${host.join(',')}:${port[0] ?? ''}`
  // Of several hosts in turn, none is the one.
  const only = host.length === 1 ? { host: host[0], port: port[0] } : {}
  return {
    server: describeServer('postgresql', typeof path === 'string' && path !== '' ? { host: path, database } : { ...only, database }),
    defaults: {
      name: `postgres ${address}/${database}`,
      min: 0,
      // Given as a text, as in the URL, postgres.js makes one connection of it.
      max: typeof max === 'number' ? max : 1,
      acquireTimeoutMillis: NO_DEADLINE_MILLIS,
      connectTimeoutMillis: millis(connect_timeout) ?? CONNECT_TIMEOUT_MILLIS,
      idleTimeoutMillis: millis(idle_timeout) ?? false,
    },
    explicit: settled,
    fixed: { maxLifetimeMillis: false, ...FIXED, ...settled },
  }
}

function millis(seconds: unknown): number | undefined {
  return typeof seconds === 'number' && seconds > 0 ? Math.round(seconds * 1_000) : undefined
}

/** The part of postgres.js's own options that the policy gives. */
export interface SettledOptions {
  max?: number
  connect_timeout?: number
  idle_timeout?: number
  max_lifetime?: () => number
  backoff?: (failures: number) => number
}

/** What of the options that the user gave decides upon those that the policy gives. */
export interface GivenOptions {
  readonly max_lifetime?: unknown
  readonly backoff?: unknown
}

const SHORTEST_PAUSE_SECONDS = 0.01
const LONGEST_PAUSE_SECONDS = 0.5

/**
 * postgres.js pauses after each failed connect, up to 20 s, and whoever asks meanwhile waits for it. With somebody
 * waiting, half a second is enough for the server.
 */
function pauseSeconds(failures: number): number {
  return (0.5 + Math.random() / 2) * Math.min(3 ** failures * SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
}

/** What the policy, or the default, settles in the options; what the user set there himself beats the default. */
export function settledOptions(policy: PoolPolicyOptions, given: GivenOptions): SettledOptions {
  const { connectTimeoutMillis, idleTimeoutMillis, lifetimeSpread = SPREAD, max } = policy
  const hasOwnLifetime = given.max_lifetime !== undefined && policy.maxLifetimeMillis === undefined
  const lifetime = policy.maxLifetimeMillis ?? LIFETIME_MILLIS
  return {
    ...(max !== undefined && { max }),
    ...(connectTimeoutMillis !== undefined && { connect_timeout: connectTimeoutMillis / 1_000 }),
    ...(idleTimeoutMillis !== undefined && { idle_timeout: (idleTimeoutMillis || 0) / 1_000 }),
    // Asked once for each of its connections; 0 is off.
    ...(given.backoff === undefined && { backoff: pauseSeconds }),
    ...(!hasOwnLifetime && { max_lifetime: () => ((lifetime || 0) / 1_000) * (1 - lifetimeSpread * Math.random()) }),
  }
}

/** The same as the keeper shows it. */
export function settledValues(policy: PoolPolicyOptions, given: GivenOptions): Partial<PolicyValues> {
  const { lifetimeSpread = SPREAD, maxLifetimeMillis } = policy
  if (maxLifetimeMillis === undefined && given.max_lifetime !== undefined) return {}
  return { maxLifetimeMillis: maxLifetimeMillis ?? LIFETIME_MILLIS, lifetimeSpread }
}
