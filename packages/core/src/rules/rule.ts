import type { CloseReason } from '../close-reason.ts'
import type { CredentialFacts } from '../credentials/pool-credentials.ts'
import type { ConnectionFacts } from '../facts.ts'
import type { PolicyValues } from '../policy/values.ts'

/**
 * When a rule is asked: before lending, on return, in a round of upkeep about what stays, or there
 * about what lies idle, which the minimum may spare.
 */
export type Moment = 'checkout' | 'return' | 'round' | 'idle'

/** What a rule may know besides the facts of one connection. */
export interface Situation {
  readonly now: number
  /** Raised by every incident; a connection proven in an older one must prove itself again. */
  readonly generation: number
  /** Connections opened before this moment are to be replaced, because somebody asked for it. */
  readonly recycleBefore: number
  /** For how long in all this process was suspended, in which `now` stood still. */
  readonly suspendedMillis: number
  /** What connections are opened with now, where the policy gives credentials. */
  readonly credential: CredentialFacts | undefined
  /** Connections opened with this issue of the credentials, or an older one, are to be replaced: they hold no more. */
  readonly refusedIssue: number
  /** Connections are logged in with newer credentials as they are, rather than replaced. */
  readonly reauthenticates?: boolean
}

/** One reason not to use a connection as it is. */
export type Objection =
  | { readonly action: 'validate' }
  | { readonly action: 'retire'; readonly reason: CloseReason }

/**
 * One rule of the policy: pure, so that it can be tested on a table of facts and replayed.
 */
export interface Rule {
  readonly name: string
  readonly moments: readonly Moment[]
  /** `undefined` means no objection. */
  judge(facts: ConnectionFacts, situation: Situation): Objection | undefined
}

/** Makes a rule from the policy; `undefined` when the policy switches it off. */
export type RuleMaker = (policy: PolicyValues) => Rule | undefined

export const VALIDATE: Objection = Object.freeze({ action: 'validate' })
