import type { PolicyValues } from '../policy/values.ts'
import { VALIDATE, type Rule } from './rule.ts'

export interface KeepaliveOptions {
  /**
   * Milliseconds of silence after which an idle connection is validated in the background, so
   * that no firewall between you and the server forgets it, and a dead one is found before a
   * caller needs it. Early by up to a tenth, by each connection's own draw; a few at a time.
   *
   * Only what `min` or `minIdle` keeps is kept alive, never what `idleTimeoutMillis` is about to
   * close. Keep it below the shortest idle cut-off on the way: Azure's load balancer drops
   * silent flows after 240 s, AWS's NLB after 350 s, some proxies after 60 s.
   *
   * An integer from 1_000 to 2_147_483_647 (milliseconds), or `false` for none.
   *
   * @defaultValue `60_000` (one minute). Unless the policy names `min`, `minIdle` or this field,
   * only while the pool is in use, so that a database that sleeps when idle may go on sleeping.
   */
  readonly keepaliveMillis?: number | false
}

const EARLY_BY = 0.1

/** Which connections `min` keeps, and how many may be asked at once, is up to the round. */
export function keepalive(policy: PolicyValues): Rule | undefined {
  const { keepaliveMillis: period } = policy
  if (period === false) return undefined
  return {
    name: 'keepalive',
    moments: ['round'],
    judge: (facts, { now }) =>
      now - facts.provenAt >= period * (1 - EARLY_BY * facts.draw) ? VALIDATE : undefined,
  }
}
