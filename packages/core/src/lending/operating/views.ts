import { whyWaiting } from '../acquire-errors.ts'
import type { Checks } from '../proof/checks.ts'
import type { LendingContext } from '../context.ts'
import { explainConnection, type ConnectionExplanation, type HolderExplanation, type PoolExplanation } from './explain.ts'
import { judgeHealth, type PoolHealth } from './health.ts'
import type { Openings } from '../opening/openings.ts'
import { keptIdle } from '../upkeep/round-plan.ts'

/** What `keeper.health()` is judged by, as it is now. */
export function healthOf<C extends object>(context: LendingContext<C>, openings: Openings<C>): PoolHealth {
  const { clock, draining, lastOpenError, lastTimeoutAt, paused, policy } = context
  const now = clock.now()
  return judgeHealth({
    counts: context.counts(),
    max: policy.max,
    draining: draining !== false,
    paused: paused !== false,
    connectFails: lastOpenError !== undefined,
    circuit: openings.breaker.status,
    connectSilentMillis: openings.oldestAgeMillis(now),
    sinceTimeoutMillis: now - lastTimeoutAt,
  })
}

/** What `keeper.explain()` tells, as it is now. */
export function explanationOf<C extends object>(
  context: LendingContext<C>,
  checks: Checks<C>,
  openings: Openings<C>,
): PoolExplanation {
  const { clock, generation, policy, port, situation } = context
  const now = clock.now()
  const idle = port.idle()
  const { used, validating } = context.counts()
  const firstKept = idle.length - keptIdle(policy, used + validating)
  const describe = (connection: C, state: 'used' | 'idle', isKept: boolean): ConnectionExplanation => {
    const isAsked = checks.get(connection) !== undefined
    const { suspendedMillis } = situation
    const view = { now, generation, policy, isKept, suspendedMillis, holder: holderOf(context, connection) }
    return explainConnection(context.factsOf(connection), isAsked ? 'validating' : state, view)
  }
  const why = whyWaiting(context)
  return {
    connecting: {
      circuit: openings.breaker.status,
      failures: openings.failures,
      lastError: context.lastOpenError,
      pauseMillis: openings.pauseLeft(),
    },
    connections: [
      ...port.lent().map((connection) => describe(connection, 'used', false)),
      // The coldest first: what is kept are the warmest.
      ...idle.map((connection, index) => describe(connection, 'idle', index >= firstKept)),
    ],
    waiters: port.waiters().map(({ since, origin }) => ({
      waitedMillis: now - since,
      why,
      site: origin?.site,
      owner: origin?.owner,
    })),
  }
}

function holderOf<C extends object>({ tracking }: LendingContext<C>, connection: C): HolderExplanation | undefined {
  const lease = tracking.lease(connection)
  if (lease === undefined) return undefined
  const { origin, lastQuery } = lease
  return { owner: origin?.owner, site: origin?.site, stack: origin?.stack, lastQuery }
}
