import type { CloseReason } from './close-reason.ts'
import type { CredentialFacts } from './credentials/pool-credentials.ts'

/** Everything the rules may know about one connection. Times are `Clock` readings, in milliseconds. */
export interface ConnectionFacts {
  /** Counts connections of this pool from 1; names the connection in events. */
  readonly id: number
  readonly openedAt: number
  /** Drawn once from [0, 1) when the connection opened, so that every decision is repeatable. */
  readonly draw: number
  /** Last moment at which the server is known to have answered on this connection. */
  readonly provenAt: number
  /** The pool's generation in which the connection was last proven. */
  readonly provenGeneration: number
  /** When it was last given back; when it opened, if it was never lent. */
  readonly idleSince: number
  /** When it was lent; `Infinity` while nobody holds it, for what is not always a number is boxed at every checkout. */
  readonly lentAt: number
  /** In a caller's hands; between being lent and that, the caller may still leave. */
  readonly held: boolean
  /** How many times it was lent. */
  readonly uses: number
  /** It answered in the role that the policy asks for, if it asks. */
  readonly roleProven: boolean
  /** Something went wrong on it since its last proof: it is not lent unproven. */
  readonly suspect: boolean
  /** What it was opened with, or logged in with since, where the policy gives credentials. */
  readonly credential: CredentialFacts | undefined
  /** Decided already, and carried out as soon as nobody holds it. */
  readonly condemnedFor: CloseReason | undefined
}

/** For how long somebody holds it; `0` while nobody does. */
export function heldMillis({ lentAt }: ConnectionFacts, now: number): number {
  return Math.max(0, now - lentAt)
}

/** The ledger's own view: the same facts, open to change. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] }
