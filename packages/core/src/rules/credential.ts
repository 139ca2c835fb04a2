import type { ConnectionFacts } from '../facts.ts'
import type { PolicyValues } from '../policy/values.ts'
import { retire } from '../verdict.ts'
import type { Rule, Situation } from './rule.ts'

/** Milliseconds for which the server still takes what the connection was opened with. */
export function credentialLeft({ credential }: ConnectionFacts, { now, suspendedMillis }: Situation): number {
  return credential === undefined ? Infinity : credential.expiresAt - now - suspendedMillis
}

/** Whether a connection opened now would live longer. */
export function hasSuccessor({ credential }: ConnectionFacts, { credential: newest }: Situation): boolean {
  return credential !== undefined && newest !== undefined && newest.expiresAt > credential.expiresAt
}

/** Whether the connection can be logged in anew as it is, and there is something to do that with. */
function isRenewable(facts: ConnectionFacts, situation: Situation): boolean {
  return situation.reauthenticates === true && hasSuccessor(facts, situation)
}

/** At checkout: never lend what was opened with something that is over. */
export function credentialOver({ credentials }: PolicyValues): Rule | undefined {
  if (credentials === undefined) return undefined
  return {
    name: 'credentialOver',
    moments: ['checkout'],
    judge: (facts, situation) => (credentialLeft(facts, situation) <= 0 ? retire('credential') : undefined),
  }
}

/** On return: nor keep it, unless it is logged in anew before anybody else has it. */
export function credentialOverOnReturn({ credentials }: PolicyValues): Rule | undefined {
  if (credentials === undefined) return undefined
  return {
    name: 'credentialOverOnReturn',
    moments: ['return'],
    judge: (facts, situation) =>
      credentialLeft(facts, situation) <= 0 && !isRenewable(facts, situation) ? retire('credential') : undefined,
  }
}

/**
 * In a round: replaced ahead of the end, each by its own draw, once there is something newer to open
 * with; and what the server has refused since is replaced at once. Where connections are logged in anew
 * as they are, only what could not be.
 */
export function credentialDue({ credentials }: PolicyValues): Rule | undefined {
  if (credentials === undefined) return undefined
  return {
    name: 'credentialDue',
    moments: ['round'],
    judge: (facts, situation) => {
      const { credential, draw } = facts
      if (credential === undefined) return undefined
      const left = credentialLeft(facts, situation)
      if (situation.reauthenticates === true) {
        return left <= 0 && !(facts.held && isRenewable(facts, situation)) ? retire('credential') : undefined
      }
      const isDue = left <= credential.marginMillis * (1 - draw / 2) && hasSuccessor(facts, situation)
      return isDue || left <= 0 || credential.issue <= situation.refusedIssue ? retire('credential') : undefined
    },
  }
}
