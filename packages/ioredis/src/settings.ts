import { checkPolicyOptions, derivePoolName, type HostSettings, PoolkeeperError, type PolicyValues, type PoolPolicy, type PoolPolicyOptions, resolvePolicy } from '@poolkeeper/core'
import type { RedisOptions } from 'ioredis'
import type { RedisPoolPolicy } from './redis-pool.ts'

const DEFAULT_MAX = 10
const MOST_LANES = 100
/** ioredis itself has no deadline for a command that waits, unless `commandTimeout` says one. */
const ACQUIRE_TIMEOUT_MILLIS = 60_000
const CONNECT_TIMEOUT_MILLIS = 10_000

const NOBODY_HOLDS = 'nobody holds a connection of this pool: all are shared'

/** Why these cannot be had. */
const CANNOT: Partial<Record<keyof PoolPolicyOptions, string>> = {
  circuit: 'it is not built for connections that are shared',
  credentials: 'it is not built yet; give `username` and `password` in the options',
  detectNestedAcquire: NOBODY_HOLDS,
  idleTimeoutMillis: 'a connection that is shared stays open, as that of a client does; evictIdle() closes it',
  leakThresholdMillis: NOBODY_HOLDS,
  maxConcurrentCreates: 'connections that are shared are opened one at a time',
  maxUses: NOBODY_HOLDS,
  minIdle: NOBODY_HOLDS,
  mode: 'a pool that is made with its policy has no ways of its own that one could look at',
  onAcquire: NOBODY_HOLDS,
  onOpen: NOBODY_HOLDS,
  onRelease: NOBODY_HOLDS,
  onReturn: NOBODY_HOLDS,
  overflow: NOBODY_HOLDS,
  overflowAfterMillis: NOBODY_HOLDS,
  reclaimLeaks: NOBODY_HOLDS,
  sizing: 'the load of a connection that is shared is not how many are in use',
  replaceAhead: 'a connection that is shared is always replaced by opening the next one first',
}

/** What holds in their places. */
const FIXED: Partial<PolicyValues> = {
  circuit: false,
  credentials: undefined,
  detectNestedAcquire: false,
  idleTimeoutMillis: false,
  leakThresholdMillis: false,
  maxConcurrentCreates: 1,
  maxUses: false,
  minIdle: false,
  mode: 'enforce',
  onReturn: false,
  overflow: 0,
  reclaimLeaks: false,
  sizing: false,
  replaceAhead: 1,
}

/** Refuses by name what cannot be had here. */
export function refuseWhatCannot(policy: PoolPolicyOptions): void {
  for (const [option, why] of Object.entries(CANNOT)) {
    if (policy[option as keyof PoolPolicyOptions] === undefined) continue
    throw new PoolkeeperError('UNSUPPORTED_HOST', `\`${option}\` cannot be had with @poolkeeper/ioredis: ${why}`)
  }
}

/** The policy of the pool, and how many lanes it has. */
export interface PoolSettings {
  readonly lanes: number
  /** What is given to the keeper, without what is ours. */
  readonly policy: PoolPolicyOptions
  resolve(changes: PoolPolicyOptions): PoolPolicy
}

/** @throws PoolkeeperError `INVALID_POLICY`, `UNSUPPORTED_HOST` */
export function poolSettings({ lanes = 1, ...policy }: RedisPoolPolicy, options: RedisOptions): PoolSettings {
  checkPolicyOptions(policy)
  refuseWhatCannot(policy)
  const host = hostSettings(options)
  const { max } = resolvePolicy(policy, host)
  checkLanes(lanes, max)
  return {
    lanes,
    policy,
    resolve(changes) {
      refuseWhatCannot(changes)
      const resolved = resolvePolicy({ ...policy, ...changes }, host)
      checkLanes(lanes, resolved.max)
      return resolved
    },
  }
}

function checkLanes(lanes: unknown, max: number): void {
  const isInBounds = Number.isInteger(lanes) && Number(lanes) >= 1 && Number(lanes) <= MOST_LANES
  if (isInBounds && Number(lanes) <= max) return
  const bound = isInBounds ? `at most \`max\` (${max})` : `an integer from 1 to ${MOST_LANES}`
  throw new PoolkeeperError('INVALID_POLICY', `\`lanes\` must be ${bound}, and is ${String(lanes)}`, { invalid: { option: 'lanes', bound, value: lanes } })
}

function hostSettings(options: RedisOptions): HostSettings {
  const { commandTimeout, connectTimeout, db, host, name, path, port, sentinels } = options
  const isSentinel = Array.isArray(sentinels) && sentinels.length > 0
  const place = path !== undefined && path !== '' && path !== null ? { filename: path } : { host, port }
  return {
    defaults: {
      name: isSentinel ? derivePoolName('redis', { database: name }) : derivePoolName('redis', { ...place, database: String(db ?? 0) }),
      min: 0,
      max: DEFAULT_MAX,
      acquireTimeoutMillis: ACQUIRE_TIMEOUT_MILLIS,
      connectTimeoutMillis: CONNECT_TIMEOUT_MILLIS,
      idleTimeoutMillis: false,
    },
    explicit: {
      // ioredis goes on connecting while a command waits; so do we, until its deadline.
      createRetry: true,
      ...(isLimit(connectTimeout) && { connectTimeoutMillis: connectTimeout }),
      ...(isLimit(commandTimeout) && { acquireTimeoutMillis: commandTimeout }),
    },
    fixed: FIXED,
  }
}

function isLimit(millis: number | undefined): millis is number {
  return millis !== undefined && Number.isInteger(millis) && millis > 0
}
