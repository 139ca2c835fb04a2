import type { PolicyValues } from '../policy/values.ts'
import { VALIDATE, type Rule } from './rule.ts'

export interface ValidateAfterIdleOptions {
  /**
   * Milliseconds of silence after which a connection is asked for a sign of life before it is
   * lent. One that answered anything more recently (a check, a query, its own opening) is lent
   * as it is, and costs nothing.
   *
   * The window is also the price: a connection that dies within it is lent once.
   *
   * An integer from 0 to 2_147_483_647 (`0` checks at every checkout but the first, up to half a second
   * after opening), or `false` for no checks at all.
   *
   * @defaultValue `500` (half a second, as HikariCP's alive bypass window); SQLite: always `false`
   */
  readonly validateAfterIdleMillis?: number | false
}

/** Opening was an answer: a connection that nobody used yet is proven for so long, whatever the window. */
const FRESH_FOR_MILLIS = 500

/**
 * The silence at which proof is asked for again. And one death condemns its peers: what was proven
 * before the incident proves itself again, however recently that was.
 */
export function validateAfterIdle(policy: PolicyValues): Rule | undefined {
  const { validateAfterIdleMillis: window } = policy
  if (window === false) return undefined
  const freshWindow = Math.max(window, FRESH_FOR_MILLIS)
  return {
    name: 'validateAfterIdle',
    moments: ['checkout'],
    judge(facts, { generation, now }) {
      const isProven =
        now - facts.provenAt < (facts.uses === 0 ? freshWindow : window) &&
        facts.provenGeneration >= generation &&
        !facts.suspect
      return isProven ? undefined : VALIDATE
    },
  }
}
