/** `kept after a transaction`: Node follows asynchronous work by then, so that nested acquires are seen. `kept and seen`: by
 * Prometheus, OpenTelemetry and a log. */
export const VARIANTS = [
  'bare',
  'kept',
  'kept with a subscriber',
  'kept with hooks',
  'kept with async hooks',
  'kept with leak tracking',
  'kept after a transaction',
  'kept and seen',
] as const
export type Variant = (typeof VARIANTS)[number]

/** What is laid upon the pool. */
export const LOADS = ['sequential', 'contended'] as const
export type Load = (typeof LOADS)[number]

export const LOAD_TITLES: Readonly<Record<Load, string>> = {
  sequential: 'one caller, sequential',
  contended: '100 callers on 10',
}

export const CALLERS: Readonly<Record<Load, number>> = { sequential: 1, contended: 100 }

/** Whose pool it is: tarn's, raw; the one that Knex makes of it; mysql2's; pg-pool; generic-pool. */
export const HOSTS = ['tarn', 'knex', 'mysql2', 'pg-pool', 'generic-pool'] as const
export type Host = (typeof HOSTS)[number]

/** Longer than any measurement. */
export const LEAK_TRACKING = { leakThresholdMillis: 600_000 } as const

/** One caller that acquires and releases, so many times in a row. */
export type Caller = (times: number) => Promise<void>

/** A connection that leads nowhere, so that what is measured is the pool alone. */
export interface StubConnection {
  readonly opened: true
}

export const POOL_SIZE = { min: 0, max: 10 } as const
