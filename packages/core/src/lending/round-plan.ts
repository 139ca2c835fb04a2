import type { CloseReason } from '../close-reason.ts'
import type { PoolCounts } from '../counts.ts'
import type { ConnectionFacts } from '../facts.ts'
import type { PoolPolicy } from '../policy/values.ts'
import type { Rule, Situation } from '../rules/rule.ts'
import { judge } from '../verdict.ts'

/** What a round of upkeep looks at. */
export interface RoundView<C> {
  readonly rules: readonly Rule[]
  readonly situation: Situation
  readonly policy: PoolPolicy
  readonly counts: PoolCounts
  /** The coldest first. */
  readonly idle: readonly Entry<C>[]
  readonly lent: readonly Entry<C>[]
  /** Whether upkeep may talk to the server now; if not, it only closes. */
  readonly mayTalk: boolean
  /** Whether connections may be opened ahead of demand now. */
  readonly mayRefill: boolean
  /** How many connections are refilled up to: `min`, or as many of it as demand has ever opened. */
  readonly refillTo: number
  /** Why there may be more connections than `max` allows. */
  readonly surplus: CloseReason
  /** Replacements under way, until the old connection is gone. */
  readonly replacing: number
}

export interface Entry<C> {
  readonly connection: C
  readonly facts: ConnectionFacts
}

/** What a round decided; done in this order. */
export interface RoundPlan<C> {
  readonly close: readonly { readonly connection: C; readonly reason: CloseReason }[]
  readonly replace: readonly { readonly connection: C; readonly reason: CloseReason; readonly lent: boolean }[]
  readonly validate: readonly C[]
  readonly open: number
}

/** Keepalive checks of one pool at one time. */
const KEEPALIVE_AT_ONCE = 4

/** At most this share of a pool is being replaced at one moment. */
const REPLACE_AT_ONCE_SHARE = 4

/** A lease that has lasted longer may last for ever: nothing is opened to replace it. */
export const SHORT_LEASE_MILLIS = 1_000

/**
 * Decides one round of upkeep. Pure: looks at facts and figures, and changes nothing.
 */
export function planRound<C>(view: RoundView<C>): RoundPlan<C> {
  const due = dueConnections(view)
  const surplus = closeSurplus(view)
  const close = surplus.length > 0 ? surplus : [...closeIdle(view, due.idle)]
  const alive = aliveOf(view.counts) - close.length
  const replace: { connection: C; reason: CloseReason; lent: boolean }[] = []
  if (view.mayTalk) replace.push(...due.retire.slice(0, replacementsAllowed(view)))
  else close.push(...due.retire.filter(({ lent }) => !lent))
  return {
    close,
    replace,
    validate: view.mayTalk ? dueKeepalives(view, due.validate) : [],
    open: view.mayTalk && view.mayRefill ? missing(view, alive, close.length) : 0,
  }
}

interface Due<C> {
  readonly idle: readonly Entry<C>[]
  readonly retire: readonly { readonly connection: C; readonly reason: CloseReason; readonly lent: boolean }[]
  readonly validate: readonly Entry<C>[]
}

function dueConnections<C>({ rules, situation, idle, lent }: RoundView<C>): Due<C> {
  const due = { idle: [] as Entry<C>[], retire: [] as Due<C>['retire'][number][], validate: [] as Entry<C>[] }
  for (const entry of idle) {
    const verdict = judge(rules, entry.facts, situation)
    if (verdict.action === 'validate') due.validate.push(entry)
    else if (verdict.action === 'retire' && verdict.reason === 'idle') due.idle.push(entry)
    else if (verdict.action === 'retire') due.retire.push({ ...entry, reason: verdict.reason, lent: false })
  }
  for (const entry of lent) {
    // What is condemned already goes when it comes back; it was replaced, or need not be.
    if (entry.facts.condemnedFor !== undefined || !isShortLease(entry.facts, situation.now)) continue
    const verdict = judge(rules, entry.facts, situation)
    if (verdict.action === 'retire') due.retire.push({ ...entry, reason: verdict.reason, lent: true })
  }
  return due
}

function isShortLease({ lentAt }: ConnectionFacts, now: number): boolean {
  return lentAt !== undefined && now - lentAt < SHORT_LEASE_MILLIS
}

/** What stands above `max` without being a replacement, the coldest first. */
function closeSurplus<C>({ counts, idle, policy, replacing, surplus }: RoundView<C>): { connection: C; reason: CloseReason }[] {
  const tooMany = Math.max(0, aliveOf(counts) - replacing - policy.max)
  return idle.slice(0, tooMany).map(({ connection }) => ({ connection, reason: surplus }))
}

function* closeIdle<C>(
  { policy, counts, idle }: RoundView<C>,
  due: readonly Entry<C>[],
): Generator<{ connection: C; reason: CloseReason }> {
  let spare = aliveOf(counts) - policy.min
  let spareIdle = idle.length - (policy.minIdle === false ? 0 : policy.minIdle)
  for (const { connection } of due) {
    if (spare-- <= 0 || spareIdle-- <= 0) return
    yield { connection, reason: 'idle' }
  }
}

function replacementsAllowed<C>({ policy, counts, replacing }: RoundView<C>): number {
  const atOnce = Math.max(1, Math.floor(aliveOf(counts) / REPLACE_AT_ONCE_SHARE))
  const ahead = policy.replaceAhead === 0 ? 1 : Math.min(policy.replaceAhead, atOnce)
  return Math.max(0, ahead - replacing)
}

/** The warmest idle connections are those that the idle timeout leaves to `min` and `minIdle`. */
function dueKeepalives<C>({ policy, counts, idle }: RoundView<C>, due: readonly Entry<C>[]): C[] {
  const keptByMin = policy.min - (aliveOf(counts) - idle.length)
  const kept = policy.idleTimeoutMillis === false ? idle.length : Math.max(keptByMin, policy.minIdle || 0)
  const warmest = new Set(kept <= 0 ? [] : idle.slice(-kept).map(({ connection }) => connection))
  const allowed = Math.max(0, KEEPALIVE_AT_ONCE - counts.validating)
  return due
    .map(({ connection }) => connection)
    .filter((connection) => warmest.has(connection))
    .slice(0, allowed)
}

function missing<C>({ policy, counts, idle, refillTo }: RoundView<C>, alive: number, closed: number): number {
  const { opening, closing } = counts
  const forMin = refillTo - alive - opening
  const forIdle = policy.minIdle === false ? 0 : policy.minIdle - (idle.length - closed) - opening
  const room = policy.max - alive - closed - opening - closing
  return Math.max(0, Math.min(Math.max(forMin, forIdle), room))
}

function aliveOf({ used, idle, validating }: PoolCounts): number {
  return used + idle + validating
}
