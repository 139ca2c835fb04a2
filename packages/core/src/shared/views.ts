import type { PoolkeeperErrorCode } from '../errors.ts'
import type { CircuitBreaker } from '../lending/opening/circuit-breaker.ts'
import type { CircuitStatus } from '../lending/opening/circuit.ts'
import { explainConnection, type PoolExplanation } from '../lending/operating/explain.ts'
import { judgeHealth, type PoolHealth } from '../lending/operating/health.ts'
import { poolStateOf, type PoolStats } from '../stats.ts'
import type { SharedChecks } from './checks.ts'
import type { SharedContext } from './context.ts'

export function sharedStats<C extends object>(context: SharedContext<C>, circuit: CircuitStatus): PoolStats {
  const { counters, draining, paused, policy, situation } = context
  const { name, min, max } = policy
  const counts = context.counts()
  const state = poolStateOf(counts, draining, paused !== false)
  return { name, state, min, max, generation: situation.generation, circuit, ...counts, ...counters.snapshot() }
}

export function sharedHealth<C extends object>(context: SharedContext<C>, circuit: CircuitStatus, oldestAttemptAt: number): PoolHealth {
  const { clock, draining, lastOpenError, lastTimeoutAt, paused, policy } = context
  const now = clock.now()
  return judgeHealth({
    counts: context.counts(),
    max: policy.max,
    draining,
    paused: paused !== false,
    circuit,
    connectFails: lastOpenError !== undefined,
    connectSilentMillis: oldestAttemptAt === Infinity ? 0 : now - oldestAttemptAt,
    sinceTimeoutMillis: now - lastTimeoutAt,
  })
}

export function sharedExplanation<C extends object>(context: SharedContext<C>, checks: SharedChecks<C>, breaker: CircuitBreaker): PoolExplanation {
  const { clock, policy, port, situation } = context
  const now = clock.now()
  const { generation, suspendedMillis } = situation
  const isKept = policy.keepaliveMillis !== false && context.mayTalk()
  const { why } = whyWaiting(context)
  return {
    connecting: {
      circuit: breaker.status,
      failures: context.openFailures,
      lastError: context.lastOpenError,
      pauseMillis: breaker.isClosed ? 0 : breaker.pauseLeft,
    },
    connections: port.connections().map((connection) => {
      const state = checks.isRunning(connection) ? 'validating' : port.isIdle(connection) ? 'idle' : 'used'
      return explainConnection(context.factsOf(connection), state, {
        now,
        generation,
        policy,
        isKept,
        suspendedMillis,
        // Several callers share it.
        holder: undefined,
      })
    }),
    waiters: port.waiters().map(({ since }) => ({ waitedMillis: now - since, why, site: undefined, owner: undefined })),
  }
}

/** What stands between a caller and a connection now. */
export function whyWaiting<C extends object>(context: SharedContext<C>): { code: PoolkeeperErrorCode; why: string } {
  const { lastOpenError, paused, policy } = context
  const { opening, used, validating } = context.counts()
  if (paused !== false) return { code: 'PAUSED', why: 'the pool is paused' }
  if (used >= policy.max) return { code: 'POOL_EXHAUSTED', why: 'all connections were in use' }
  if (validating > 0) return { code: 'VALIDATION_FAILED', why: 'connections did not answer their validation' }
  if (lastOpenError !== undefined) return { code: 'CONNECT_FAILED', why: `connecting failed: ${textOf(lastOpenError)}` }
  if (opening > 0) return { code: 'CONNECT_FAILED', why: 'connecting got no answer' }
  return { code: 'ACQUIRE_TIMEOUT', why: 'none came free' }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
