import type { ConnectionFacts } from '../facts.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import { resolvePolicy } from '../policy/resolve.ts'
import type { HostSettings, PoolPolicy } from '../policy/values.ts'
import type { Objection, Rule, Situation } from '../rules/rule.ts'

/** What a host says when its user said nothing. */
export const HOST_DEFAULTS: HostSettings['defaults'] = {
  name: 'fixture',
  min: 2,
  max: 10,
  acquireTimeoutMillis: 60_000,
  connectTimeoutMillis: 30_000,
  idleTimeoutMillis: 30_000,
}

export function policyOf(options: PoolPolicyOptions = {}, host: Omit<HostSettings, 'defaults'> = {}): PoolPolicy {
  return resolvePolicy(options, { defaults: HOST_DEFAULTS, ...host })
}

/** A connection that was opened and proven at 0, and never lent. */
export function factsWith(facts: Partial<ConnectionFacts> = {}): ConnectionFacts {
  return {
    id: 1,
    openedAt: 0,
    draw: 0,
    provenAt: 0,
    provenGeneration: 0,
    idleSince: 0,
    lentAt: Infinity,
    held: false,
    uses: 0,
    roleProven: false,
    suspect: false,
    credential: undefined,
    condemnedFor: undefined,
    ...facts,
  }
}

export function at(now: number, situation: Partial<Situation> = {}): Situation {
  return { now, generation: 0, recycleBefore: -Infinity, suspendedMillis: 0, credential: undefined, refusedIssue: 0, ...situation }
}

/** What a rule says, in one word. */
export function opinion(rule: Rule | undefined, facts: ConnectionFacts, situation: Situation): string {
  return spoken(rule?.judge(facts, situation))
}

export function spoken(objection: Objection | undefined): string {
  if (objection === undefined) return 'no objection'
  return objection.action === 'retire' ? `retire: ${objection.reason}` : objection.action
}
