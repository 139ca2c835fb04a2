import { retire } from '../verdict.ts'
import type { PolicyValues } from '../policy/values.ts'
import type { Rule } from './rule.ts'

export interface MaxLifetimeOptions {
  /**
   * Milliseconds after opening at which a connection is retired instead of being lent again.
   *
   * Bites in the background: a replacement is opened first, then the old connection is closed
   * while nobody uses it. A connection in use is never cut short; it goes when it comes back.
   * Keep this below the shortest limit between you and the server: `wait_timeout`, a load
   * balancer's or firewall's cut-off, the expiry of a credential.
   *
   * An integer from 1_000 to 2_147_483_647 (milliseconds), or `false` to let connections grow old.
   *
   * @defaultValue `1_800_000` (30 minutes); SQLite: always `false`
   */
  readonly maxLifetimeMillis?: number | false

  /**
   * Share of the lifetime over which retirements are spread, so that a pool filled in one burst
   * does not empty in one burst.
   *
   * It only ever retires early: at `0.1`, connections live for 90 to 100 % of
   * `maxLifetimeMillis`, each by its own draw, and are never lent after that. Where so many of one age
   * are due that they cannot be replaced one by one in that time, the first go earlier still.
   *
   * A ratio from 0 to 0.5.
   *
   * @defaultValue `0.1` (the last tenth of the lifetime)
   */
  readonly lifetimeSpread?: number
}

/** The moment at which upkeep begins to replace the connection: early by its own draw. */
export function lifetimeDueAt(openedAt: number, draw: number, lifetime: number, spread: number): number {
  return openedAt + lifetime * (1 - spread * draw)
}

/** In a round: retire at 90–100 % of the lifetime. */
export function lifetimeDue(policy: PolicyValues): Rule | undefined {
  const { maxLifetimeMillis: lifetime, lifetimeSpread: spread } = policy
  if (lifetime === false) return undefined
  return {
    name: 'lifetimeDue',
    moments: ['round'],
    judge: (facts, { now }) =>
      now >= lifetimeDueAt(facts.openedAt, facts.draw, lifetime, spread) ? retire('maxLifetime') : undefined,
  }
}

/** At checkout and return: never lend or keep what is past the whole lifetime. */
export function lifetimeOver(policy: PolicyValues): Rule | undefined {
  const { maxLifetimeMillis: lifetime } = policy
  if (lifetime === false) return undefined
  return {
    name: 'lifetimeOver',
    moments: ['checkout', 'return'],
    judge: (facts, { now }) => (now - facts.openedAt >= lifetime ? retire('maxLifetime') : undefined),
  }
}
