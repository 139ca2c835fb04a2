import { checkPolicyOptions, PoolkeeperError, type PoolPolicyOptions, type PolicyValues } from '@poolkeeper/core'

type Field = keyof PoolPolicyOptions

/** What can be done on an instance that exists already. */
type Live =
  | 'name'
  | 'min'
  | 'maxPending'
  | 'acquireTimeoutMillis'
  | 'validationQuery'
  | 'validateAfterIdleMillis'
  | 'validationTimeoutMillis'
  | 'keepaliveMillis'
  | 'onReturn'
  | 'drainTimeoutMillis'

/** What postgres.js settles when an instance is made: in the options alone. */
export type Settled = 'max' | 'connectTimeoutMillis' | 'idleTimeoutMillis' | 'maxLifetimeMillis' | 'lifetimeSpread'

const SHARED = 'postgres.js shares its connections, and lends none'

/** Why the rest cannot be done. A new option does not compile until it stands here. */
export const CANNOT: Readonly<Record<Exclude<Field, Live | Settled>, string>> = {
  minIdle: `${SHARED}: nobody can say how many will be idle`,
  replaceAhead: 'postgres.js opens no connection above its `max`, and so none ahead of a replacement',
  overflow: 'postgres.js opens no connection above its `max`',
  overflowAfterMillis: 'postgres.js opens no connection above its `max`',
  maxConcurrentCreates: 'postgres.js opens a connection for each query that waits, up to `max`, and asks nobody',
  createRetry: 'postgres.js tells a failed connect to the query that asked for it, and pauses by its own `backoff`',
  createBackoff: 'postgres.js pauses by its own `backoff`',
  circuit: 'postgres.js connects when it likes, and asks nobody',
  leakThresholdMillis: `${SHARED}: nobody holds one, but for sql.reserve() and sql.begin()`,
  reclaimLeaks: `${SHARED}: nobody holds one, but for sql.reserve() and sql.begin()`,
  detectNestedAcquire: `${SHARED}: who asks within a transaction of his own is not seen`,
  credentials: 'postgres.js asks its own `password` function at each connect; give it one',
  maxUses: `${SHARED}: what a use is, nobody sees`,
  validateRole: 'postgres.js has `target_session_attrs` of its own, at each connect',
  retireOn: 'errors of statements are told to their callers alone',
  onOpen: `${SHARED}: there is no object of a connection to call it with`,
  onAcquire: `${SHARED}: there is no object of a connection to call it with`,
  onRelease: `${SHARED}: there is no object of a connection to call it with`,
  sizing: 'postgres.js settles its size when an instance is made',
  mode: 'the policy acts through the socket, which cannot only look on',
}

const SETTLED: readonly string[] = [
  'max',
  'connectTimeoutMillis',
  'idleTimeoutMillis',
  'maxLifetimeMillis',
  'lifetimeSpread',
] satisfies readonly Settled[]

const NO_RESET = 'DISCARD ALL takes away the prepared statements that postgres.js goes on using'

/** What holds in place of an option that cannot be given; to ask for just that is no mistake. */
export const FIXED: Partial<PolicyValues> = {
  minIdle: false,
  replaceAhead: 0,
  overflow: 0,
  maxConcurrentCreates: false,
  credentials: undefined,
  maxUses: false,
  validateRole: false,
  createRetry: false,
  circuit: false,
  leakThresholdMillis: false,
  reclaimLeaks: false,
  detectNestedAcquire: false,
  sizing: false,
  mode: 'enforce',
}

/**
 * Refuses what the user gave and postgres.js cannot do.
 *
 * @throws PoolkeeperError `INVALID_POLICY` for what no host can do, `UNSUPPORTED_HOST` for what this one cannot.
 */
export function refuseWhatHostCannot(policy: PoolPolicyOptions, isMade: boolean): void {
  checkPolicyOptions(policy)
  for (const [option, value] of Object.entries(policy)) {
    if (value === undefined) continue
    const why = option === 'onReturn' && value === 'reset' ? NO_RESET : (CANNOT as Readonly<Record<string, string>>)[option]
    const holdsAnyway = value === (FIXED as Readonly<Record<string, unknown>>)[option]
    if (why !== undefined && !holdsAnyway) throw new PoolkeeperError('UNSUPPORTED_HOST', `\`${option}\` cannot be had with postgres.js: ${why}`)
    if (isMade && SETTLED.includes(option)) {
      const text = `\`${option}\` was settled when this instance was made: give it to withPoolPolicy(), with the options`
      throw new PoolkeeperError('UNSUPPORTED_HOST', text)
    }
  }
}
