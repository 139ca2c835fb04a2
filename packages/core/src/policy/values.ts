import type { BackoffRange } from '../lending/opening/backoff.ts'
import type { PoolServer } from '../pool-name.ts'
import type { PoolPolicyOptions } from './options.ts'

/** Every field with a value: what the rules, the keeper and the ports work with. */
export type PolicyValues = {
  readonly [K in Exclude<keyof PoolPolicyOptions, Unset | Partly>]-?: Exclude<PoolPolicyOptions[K], undefined>
} & {
  readonly [K in Unset]: PoolPolicyOptions[K] | undefined
} & {
  readonly createBackoff: Readonly<Required<BackoffRange>>
}

/** Fields that have no value unless the user gives one. */
type Unset = 'validationQuery' | 'credentials' | 'retireOn' | 'onOpen' | 'onAcquire' | 'onRelease'

/** Fields of which the user may give a part. */
type Partly = 'createBackoff'

/** Who decided a value: the policy, the user's options on the host, or a default. */
export type PolicySource = 'policy' | 'host' | 'default'

/** What was resolved, and where each value came from. Frozen. */
export type PoolPolicy = PolicyValues & {
  readonly sources: Readonly<Record<keyof PolicyValues, PolicySource>>
  /** What the host says itself; in force while the policy only observes. */
  readonly host: HostValues
  /** Which database it leads to, where the adapter knows. */
  readonly server: PoolServer | undefined
}

/** The fields that only the host can know. */
export type HostValues = Pick<
  PolicyValues,
  'name' | 'min' | 'max' | 'acquireTimeoutMillis' | 'connectTimeoutMillis' | 'idleTimeoutMillis'
>

/** What the host's own options say. */
export interface HostSettings {
  /** Which database the pool leads to. */
  readonly server?: PoolServer
  /** What holds when nobody said anything. */
  readonly defaults: HostValues
  /** What the user set on the host; beats our defaults, and is beaten by the policy. */
  readonly explicit?: Partial<PolicyValues>
  /** What this host can do only in one way; beats everything. */
  readonly fixed?: Partial<PolicyValues>
}

/** What holds where neither the policy nor the host says anything. */
export const DEFAULTS: Omit<PolicyValues, keyof HostSettings['defaults']> = Object.freeze({
  minIdle: false,
  maxPending: false,
  maxConcurrentCreates: false,
  overflow: 0,
  overflowAfterMillis: 1_000,
  createRetry: false,
  createBackoff: Object.freeze({ firstMillis: 100, longestMillis: 5_000 }),
  circuit: false,
  replaceAhead: 1,
  credentials: undefined,
  maxLifetimeMillis: 1_800_000,
  lifetimeSpread: 0.1,
  maxUses: false,
  validationQuery: undefined,
  validateRole: false,
  retireOn: undefined,
  validateAfterIdleMillis: 500,
  validationTimeoutMillis: 1_000,
  keepaliveMillis: 60_000,
  onReturn: 'check',
  onOpen: undefined,
  onAcquire: undefined,
  onRelease: undefined,
  drainTimeoutMillis: 10_000,
  mode: 'enforce',
  leakThresholdMillis: false,
  reclaimLeaks: false,
  detectNestedAcquire: 'warn',
  sizing: false,
})

/**
 * Whether upkeep may talk to the server while nobody uses the pool. Only if the user asked for
 * connections to be kept: a database that sleeps when idle must not be woken by a default.
 */
export function mayWakeServer(policy: PoolPolicy): boolean {
  return keepsMinimum(policy) || policy.sources.keepaliveMillis === 'policy'
}

/** Whether connections are opened ahead of demand: only a minimum that the policy names. */
export function keepsMinimum({ sources }: PoolPolicy): boolean {
  return sources.min === 'policy' || sources.minIdle === 'policy'
}
