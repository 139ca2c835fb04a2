import {
  checkPolicyOptions,
  derivePoolName,
  describeServer,
  type HostSettings,
  PoolkeeperError,
  type PolicyValues,
  type PoolPolicy,
  type PoolPolicyOptions,
  resolvePolicy,
} from '@poolkeeper/core'
import type { RedisOptions } from 'ioredis'
import type { RedisPoolPolicy } from './redis-pool.ts'

const DEFAULT_MAX = 10
const MOST_LANES = 100
/** ioredis itself has no deadline for a command that waits, unless `commandTimeout` says one. */
const ACQUIRE_TIMEOUT_MILLIS = 60_000
const CONNECT_TIMEOUT_MILLIS = 10_000
/** Leases alone are closed for lying idle: as generic-pool says. */
const IDLE_TIMEOUT_MILLIS = 30_000

/** Why these cannot be had. */
const CANNOT: Partial<Record<keyof PoolPolicyOptions, string>> = {
  mode: 'a pool that is made with its policy has no ways of its own that one could look at',
  onReturn: 'what was left on a lease is always undone',
  sizing: 'the size of what is shared is `lanes`',
}

/** What holds for lanes, which nobody holds: these are for leases alone. */
const OF_LEASES: Partial<PolicyValues> = {
  detectNestedAcquire: false,
  idleTimeoutMillis: false,
  leakThresholdMillis: false,
  maxConcurrentCreates: false,
  maxUses: false,
  minIdle: false,
  overflow: 0,
  reclaimLeaks: false,
  sizing: false,
  replaceAhead: 1,
}

type CredentialsProvider = NonNullable<PoolPolicyOptions['credentials']>

/** What is told to each part of a pool. */
interface Shares {
  readonly lanes: PoolPolicyOptions
  readonly leases: PoolPolicyOptions & { readonly max: number }
}

/** The policy of a pool, and what falls to its parts. */
export class PoolSettings {
  readonly lanes: number
  /** As its user gave it, but for what is ours. */
  readonly given: PoolPolicyOptions
  readonly #host: HostSettings
  policy: PoolPolicy

  /** @throws PoolkeeperError `INVALID_POLICY`, `UNSUPPORTED_HOST` */
  constructor({ lanes = 1, ...given }: RedisPoolPolicy, options: RedisOptions) {
    checkPolicyOptions(given)
    this.lanes = lanes
    this.given = given
    this.#host = hostSettings(options)
    this.policy = this.#resolve({})
  }

  /** Whether there is room for leases. */
  get hasLeases(): boolean {
    return this.policy.max > this.lanes
  }

  /** Takes changes over, or refuses them. */
  settle(changes: PoolPolicyOptions, credentials: CredentialsProvider): Shares {
    const hadLeases = this.hasLeases
    const policy = this.#resolve(changes)
    if (policy.max > this.lanes !== hadLeases) {
      const bound = hadLeases ? `above \`lanes\` (${this.lanes})` : `\`lanes\` (${this.lanes}), as it was when the pool was made`
      throw invalid('max', bound, policy.max)
    }
    this.policy = policy
    return { lanes: changes, leases: this.#forLeases(changes, credentials) }
  }

  /** @param credentials - of the lanes: the provider of the policy is asked by one for all */
  leases(credentials: CredentialsProvider): Shares['leases'] {
    return this.#forLeases(this.given, credentials)
  }

  /** For the keeper of the lanes. */
  ofLanes(changes: PoolPolicyOptions): PoolPolicy {
    const { min, ...policy } = resolvePolicy({ ...this.given, ...changes }, { ...this.#host, fixed: { onReturn: false, ...OF_LEASES } })
    return Object.freeze({ ...policy, max: this.lanes, min: Math.min(min, this.lanes) })
  }

  #forLeases(options: PoolPolicyOptions, credentials: CredentialsProvider): Shares['leases'] {
    const { acquireTimeoutMillis, connectTimeoutMillis, createRetry, idleTimeoutMillis, max, min, name, sources } = this.policy
    return {
      ...options,
      name: `${name} leases`,
      acquireTimeoutMillis,
      connectTimeoutMillis,
      createRetry,
      idleTimeoutMillis,
      onReturn: false,
      max: max - this.lanes,
      ...(options.credentials !== undefined && { credentials }),
      ...(sources.min === 'policy' && { min: Math.max(0, min - this.lanes) }),
    }
  }

  #resolve(changes: PoolPolicyOptions): PoolPolicy {
    const options = { ...this.given, ...changes }
    for (const [option, why] of Object.entries(CANNOT)) {
      if (options[option as keyof PoolPolicyOptions] === undefined) continue
      throw new PoolkeeperError('UNSUPPORTED_HOST', `\`${option}\` cannot be had with @poolkeeper/ioredis: ${why}`)
    }
    const policy = resolvePolicy(options, this.#host)
    const isInBounds = Number.isInteger(this.lanes) && this.lanes >= 1 && this.lanes <= MOST_LANES
    if (!isInBounds) throw invalid('lanes', `an integer from 1 to ${MOST_LANES}`, this.lanes)
    if (this.lanes > policy.max) throw invalid('lanes', `at most \`max\` (${policy.max})`, this.lanes)
    return policy
  }
}

function invalid(option: string, bound: string, value: unknown): PoolkeeperError {
  return new PoolkeeperError('INVALID_POLICY', `\`${option}\` must be ${bound}, and is ${String(value)}`, { invalid: { option, bound, value } })
}

function hostSettings(options: RedisOptions): HostSettings {
  const { commandTimeout, connectTimeout, db, host, name, path, port, sentinels } = options
  const isSentinel = Array.isArray(sentinels) && sentinels.length > 0
  const place = path !== undefined && path !== '' && path !== null ? { filename: path } : { host, port }
  const database = String(db ?? 0)
  return {
    // Whom Sentinels name changes.
    server: describeServer('redis', isSentinel ? { database } : { host: path ?? host, port: path ? undefined : port, database }),
    defaults: {
      name: isSentinel ? derivePoolName('redis', { database: name }) : derivePoolName('redis', { ...place, database }),
      min: 0,
      max: DEFAULT_MAX,
      acquireTimeoutMillis: ACQUIRE_TIMEOUT_MILLIS,
      connectTimeoutMillis: CONNECT_TIMEOUT_MILLIS,
      idleTimeoutMillis: IDLE_TIMEOUT_MILLIS,
    },
    // The leases see to it themselves.
    fixed: { onReturn: false },
    explicit: {
      // ioredis goes on connecting while a command waits; so do we, until its deadline.
      createRetry: true,
      ...(isLimit(connectTimeout) && { connectTimeoutMillis: connectTimeout }),
      ...(isLimit(commandTimeout) && { acquireTimeoutMillis: commandTimeout }),
    },
  }
}

function isLimit(millis: number | undefined): millis is number {
  return millis !== undefined && Number.isInteger(millis) && millis > 0
}
