import { checkPolicyOptions, type HostSettings, PoolkeeperError, type PoolPolicyOptions, type PolicyValues } from '@poolkeeper/core'
import type { HostCluster } from './host-cluster.ts'

const NAME = 'redis cluster'
/** ioredis itself has no deadline for a command, unless `commandTimeout` says one. */
const ACQUIRE_TIMEOUT_MILLIS = 60_000
const CONNECT_TIMEOUT_MILLIS = 10_000

const ONE = 'a Cluster has one connection a node'
const SHARED = 'the connections of a Cluster are shared: nobody holds one'

/** Why these cannot be had on a Cluster. */
const CANNOT: Partial<Record<keyof PoolPolicyOptions, string>> = {
  circuit: 'it is not built for connections that are shared',
  credentials: 'it is not built for a Cluster; give `username` and `password` in its `redisOptions`',
  detectNestedAcquire: SHARED,
  idleTimeoutMillis: 'the Cluster keeps the connections that it has opened',
  leakThresholdMillis: SHARED,
  max: ONE,
  maxConcurrentCreates: ONE,
  maxPending: SHARED,
  maxUses: 'what a use of a shared connection is, nobody sees',
  minIdle: ONE,
  mode: 'a Cluster cannot be looked at without standing in its way',
  onAcquire: SHARED,
  onOpen: SHARED,
  onRelease: SHARED,
  onReturn: SHARED,
  overflow: ONE,
  overflowAfterMillis: ONE,
  reclaimLeaks: SHARED,
  replaceAhead: 'the next connection is always opened first',
  sizing: ONE,
  validateRole: 'the Cluster itself knows the role of each node',
}

/** What holds in place of what cannot be had. */
const FIXED: Partial<PolicyValues> = {
  detectNestedAcquire: false,
  idleTimeoutMillis: false,
  onReturn: false,
}

/** @throws PoolkeeperError `INVALID_POLICY`, `UNSUPPORTED_HOST` */
export function checkClusterPolicy(policy: PoolPolicyOptions): void {
  checkPolicyOptions(policy)
  for (const [option, why] of Object.entries(CANNOT)) {
    if (policy[option as keyof PoolPolicyOptions] === undefined) continue
    throw new PoolkeeperError('UNSUPPORTED_HOST', `\`${option}\` cannot be had on a Cluster: ${why}`)
  }
}

/** What the options of the Cluster say of each of its nodes. */
export function clusterSettings({ options: { redisOptions = {} } }: HostCluster): HostSettings {
  const { commandTimeout, connectTimeout } = redisOptions
  return {
    server: Object.freeze({ system: 'redis' }),
    defaults: {
      name: NAME,
      min: 0,
      max: 1,
      acquireTimeoutMillis: ACQUIRE_TIMEOUT_MILLIS,
      connectTimeoutMillis: CONNECT_TIMEOUT_MILLIS,
      idleTimeoutMillis: false,
    },
    explicit: {
      // The Cluster goes on connecting while commands wait; so do we.
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
