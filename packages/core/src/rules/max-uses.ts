import { retire } from '../verdict.ts'
import type { PolicyValues } from '../policy/values.ts'
import type { Rule } from './rule.ts'

export interface MaxUsesOptions {
  /**
   * How many times a connection is lent before it is retired.
   *
   * Bites when it comes back from its last use. Useful where a server-side session grows with
   * use (prepared statements, caches); for load that shall follow new servers,
   * `maxLifetimeMillis` is the better tool.
   *
   * An integer of at least 1, or `false` for no limit.
   *
   * @defaultValue `false` (no limit)
   */
  readonly maxUses?: number | false
}

export function maxUses(policy: PolicyValues): Rule | undefined {
  const { maxUses: limit } = policy
  if (limit === false) return undefined
  return {
    name: 'maxUses',
    moments: ['checkout', 'return'],
    judge: (facts) => (facts.uses >= limit ? retire('maxUses') : undefined),
  }
}
