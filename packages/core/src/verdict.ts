import type { CloseReason } from './close-reason.ts'
import type { ConnectionFacts } from './facts.ts'
import type { Objection, Rule, Situation } from './rules/rule.ts'

/** What shall happen to a connection: the sum of what the rules object to. */
export type Verdict = { readonly action: 'lend' } | Objection

/** A retirement, with the reason that will stand in events and counters. */
export type Retirement = Extract<Objection, { action: 'retire' }>

const LEND: Verdict = Object.freeze({ action: 'lend' })

/**
 * Asks the rules about one connection.
 *
 * Pure: no clock, no randomness, no I/O, and no allocation. What was decided before stands, and
 * nobody is asked. A retirement ends the discussion, so a connection that is leaving anyway never
 * costs a round trip; a wish to validate stands only if nobody retires.
 */
export function judge(rules: readonly Rule[], facts: ConnectionFacts, situation: Situation): Verdict {
  if (facts.condemnedFor !== undefined) return retire(facts.condemnedFor)
  let verdict: Verdict = LEND
  for (let index = 0; index < rules.length; index++) {
    const objection = rules[index]?.judge(facts, situation)
    if (objection === undefined) continue
    if (objection.action === 'retire') return objection
    verdict = objection
  }
  return verdict
}

const RETIREMENTS = new Map<CloseReason, Retirement>()

/** The objection `retire(reason)`; one object for each reason, so that judging allocates nothing. */
export function retire(reason: CloseReason): Retirement {
  const known = RETIREMENTS.get(reason)
  if (known !== undefined) return known
  const made: Retirement = Object.freeze({ action: 'retire', reason })
  RETIREMENTS.set(reason, made)
  return made
}
