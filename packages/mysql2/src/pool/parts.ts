import type { Clock, LendingEvents, PoolPolicy } from '@poolkeeper/core'
import { Acquires, type TurnAway } from './acquires.ts'
import { Answers } from './answers.ts'
import { Closes } from './closes.ts'
import { tell } from './host-events.ts'
import { HostRules } from './host-rules.ts'
import { IdleLimit } from './idle-limit.ts'
import type { Mysql2Pool, PoolConnection } from './mysql2-pool.ts'
import { Opens } from './opens.ts'

/** The parts of a port that is attached. */
export interface Parts {
  readonly events: LendingEvents<PoolConnection>
  readonly acquires: Acquires
  readonly answers: Answers
  readonly closes: Closes
  readonly hostRules: HostRules
  readonly idleLimit: IdleLimit
  readonly opens: Opens
}

/** What the parts ask of the port that they belong to. */
export interface PartsOwner {
  /** Out of the free list, and in nobody's hands. */
  readonly withdrawn: Set<PoolConnection>
  readonly policy: () => PoolPolicy
  readonly wake: () => void
  restore(connection: PoolConnection): void
  isLent(connection: PoolConnection): boolean
  /** What `max` counts. */
  readonly sockets: () => number
  reset(connection: PoolConnection): Promise<void>
  readonly turnAway: TurnAway
}

export function buildParts(pool: Mysql2Pool, events: LendingEvents<PoolConnection>, clock: Clock, owner: PartsOwner): Parts {
  const { withdrawn, policy, wake } = owner
  const answers = new Answers(events)
  const hostRules = new HostRules(pool)
  const closes = new Closes(pool, events, clock, { ...owner, answers })
  const idleLimit = new IdleLimit(pool, clock, policy, (connection) => void closes.close(connection, false))
  const acquires = new Acquires(pool, events, clock, {
    ...owner,
    hostRules,
    isOpen: (connection) => closes.isOpen(connection),
    close: (connection) => closes.close(connection, false),
    opening: () => opens.count,
    freed: idleLimit.isSet ? () => idleLimit.look() : undefined,
  })
  const opens: Opens = new Opens(pool, events, clock, {
    policy,
    adopt(connection) {
      closes.adopt(connection)
      // Whoever listens may use it first, so it is not free before all have heard of it.
      withdrawn.add(connection)
    },
    opened(connection, isHeld) {
      tell(pool, 'connection', connection)
      if (!isHeld) owner.restore(connection)
    },
    failed(error) {
      if (error !== undefined) acquires.failOldest(error)
      wake()
    },
  })
  return { events, acquires, answers, closes, hostRules, idleLimit, opens }
}
