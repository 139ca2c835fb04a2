import type { CloseReason } from '../../close-reason.ts'
import type { ConnectionFacts } from '../../facts.ts'
import type { CircuitStatus } from '../opening/circuit.ts'
import type { PolicyValues } from '../../policy/values.ts'
import { lifetimeDueAt } from '../../rules/max-lifetime.ts'

/** What upkeep will do to a connection next, if nothing else happens. */
export interface DueAction {
  readonly action: 'replace' | 'closeIdle' | 'keepalive' | 'close'
  /** Milliseconds from now; `0` when it is due. */
  readonly inMillis: number
}

/** One connection, for the person who asks why a pool is stuck. */
export interface ConnectionExplanation {
  readonly connection: number
  readonly state: 'used' | 'idle' | 'validating'
  readonly ageMillis: number
  readonly uses: number
  /** For how long it has been held, or has lain idle. */
  readonly sinceMillis: number
  /** Since the server last answered on it; `undefined` when it never did under this keeper. */
  readonly provenMillisAgo: number | undefined
  /** It has to prove itself before it is lent: something failed, or its generation is over. */
  readonly isInDoubt: boolean
  /** Why it will be closed as soon as nobody holds it. */
  readonly condemnedFor: CloseReason | undefined
  readonly next: DueAction | undefined
  /** Who holds it, where that is known. */
  readonly holder: HolderExplanation | undefined
}

/** Who holds a connection: known of all while leaks are tracked, else of transactions. */
export interface HolderExplanation {
  /** The label that `ownedBy` gave to his work. */
  readonly owner: string | undefined
  /** The line of code that acquired it. */
  readonly site: string | undefined
  readonly stack: string | undefined
  /** The last statement that was sent. */
  readonly lastQuery: string | undefined
}

/** One caller that waits. */
export interface WaiterExplanation {
  readonly waitedMillis: number
  /** What stands between him and a connection. */
  readonly why: string
  /** The line of code that asks, and the label of its work, where they are known. */
  readonly site: string | undefined
  readonly owner: string | undefined
}

/** How connecting goes. */
export interface ConnectingExplanation {
  readonly circuit: CircuitStatus
  /** How often connecting failed since it last succeeded; attempts that failed together count once. */
  readonly failures: number
  /** Why it failed last; `undefined` when it succeeded since. */
  readonly lastError: unknown
  /** Milliseconds until the pool may try again by itself; `0` when it may. */
  readonly pauseMillis: number
}

export interface PoolExplanation {
  readonly connecting: ConnectingExplanation
  readonly connections: readonly ConnectionExplanation[]
  /** The oldest first. */
  readonly waiters: readonly WaiterExplanation[]
}

/** What is known besides the facts of one connection. */
export interface ExplanationView {
  readonly now: number
  readonly generation: number
  readonly policy: PolicyValues
  /** The idle timeout leaves it to `min` or `minIdle`. */
  readonly isKept: boolean
  /** For how long in all this process was suspended. */
  readonly suspendedMillis: number
  readonly holder: HolderExplanation | undefined
}

/** Pure: what is known of one connection, in words for people. */
export function explainConnection(
  facts: ConnectionFacts,
  state: ConnectionExplanation['state'],
  { generation, holder, ...view }: ExplanationView,
): ConnectionExplanation {
  const { now } = view
  return {
    connection: facts.id,
    state,
    ageMillis: now - facts.openedAt,
    uses: facts.uses,
    sinceMillis: now - (facts.lentAt === Infinity ? facts.idleSince : facts.lentAt),
    provenMillisAgo: facts.provenAt === -Infinity ? undefined : now - facts.provenAt,
    isInDoubt: facts.suspect || facts.provenGeneration < generation,
    condemnedFor: facts.condemnedFor,
    next: nextAction(facts, state, view),
    holder,
  }
}

function nextAction(
  facts: ConnectionFacts,
  state: ConnectionExplanation['state'],
  { now, policy, isKept, suspendedMillis }: Omit<ExplanationView, 'generation' | 'holder'>,
): DueAction | undefined {
  const { maxLifetimeMillis, lifetimeSpread, idleTimeoutMillis, keepaliveMillis } = policy
  const due = (action: DueAction['action'], at: number): DueAction => ({ action, inMillis: Math.max(0, at - now) })
  if (facts.condemnedFor !== undefined) return due('close', now)
  const actions: DueAction[] = []
  if (maxLifetimeMillis !== false) {
    actions.push(due('replace', lifetimeDueAt(facts.openedAt, facts.draw, maxLifetimeMillis, lifetimeSpread)))
  }
  if (facts.credential !== undefined) {
    const { expiresAt, marginMillis } = facts.credential
    actions.push(due('replace', expiresAt - suspendedMillis - marginMillis))
  }
  if (state === 'idle') {
    if (idleTimeoutMillis !== false && !isKept) actions.push(due('closeIdle', facts.idleSince + idleTimeoutMillis))
    if (keepaliveMillis !== false && isKept) actions.push(due('keepalive', Math.max(0, facts.provenAt) + keepaliveMillis))
  }
  return actions.toSorted((a, b) => a.inMillis - b.inMillis)[0]
}
