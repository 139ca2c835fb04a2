import { retire } from '../verdict.ts'
import type { PolicyValues } from '../policy/values.ts'
import type { Rule } from './rule.ts'

export interface IdleTimeoutOptions {
  /**
   * Milliseconds without use after which a connection above `min` is closed.
   *
   * Counted from its last return, or from opening if it was never lent; a validation or
   * keepalive does not count as use. Judged by the clock in rounds of upkeep, the coldest first.
   *
   * An integer from 1 to 2_147_483_647 (milliseconds), or `false` to keep idle connections.
   *
   * @defaultValue the host's own (tarn: `30_000`, half a minute)
   */
  readonly idleTimeoutMillis?: number | false
}

/** The floor, `min` and `minIdle`, is kept by the round that asks. */
export function idleTimeout(policy: PolicyValues): Rule | undefined {
  const { idleTimeoutMillis: timeout } = policy
  if (timeout === false) return undefined
  return {
    name: 'idleTimeout',
    moments: ['idle'],
    judge: (facts, { now }) =>
      facts.lentAt === Infinity && now - facts.idleSince >= timeout ? retire('idle') : undefined,
  }
}
