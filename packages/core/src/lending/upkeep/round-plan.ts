import type { CloseReason } from '../../close-reason.ts'
import type { PoolCounts } from '../../counts.ts'
import type { ConnectionFacts } from '../../facts.ts'
import type { PoolPolicy } from '../../policy/values.ts'
import { credentialLeft, hasSuccessor } from '../../rules/credential.ts'
import type { RulesByMoment } from '../../rules/index.ts'
import type { Situation } from '../../rules/rule.ts'
import { judge, retire } from '../../verdict.ts'

/** What a round of upkeep looks at. */
export interface RoundView<C> {
  readonly rules: Pick<RulesByMoment, 'round' | 'idle'>
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
  /** The next look at the pool comes so much later. */
  readonly roundMillis: number
  /** How long one replacement takes, from opening the new connection to closing the old one. */
  readonly replacementMillis: number
  /** Replacements under way, until the old connection is gone. */
  readonly replacing: number
  /** Of these, what others have to wait for: not those whose holder keeps the old one for long. */
  readonly replacingNow: number
}

export interface Entry<C> {
  readonly connection: C
  readonly facts: ConnectionFacts
}

/** What a round decided; done in this order. */
export interface RoundPlan<C> {
  readonly close: readonly Close<C>[]
  readonly replace: readonly (Close<C> & { readonly lent: boolean })[]
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
  const close = surplusOf(view)
  const idle = view.idle.slice(close.length)
  if (close.length === 0) close.push(...overdueIdle(view, idle))
  const staying = idle.filter(({ connection }) => !goes(close, connection))
  const due = dueConnections(view, staying)
  const over = due.retire.filter(({ isOver, lent }) => isOver && !lent)
  // It will never be lent again, so nothing is gained by keeping it until something else is there.
  close.push(...over)
  const allowed = replacementsAllowed(view)
  const replaceable = due.retire.filter((each) => !over.includes(each))
  const retire = replaceable.length > 0 || allowed === 0 ? replaceable : oldestIfLate(view, staying)
  const replace = view.mayTalk ? retire.slice(0, allowed) : []
  if (!view.mayTalk) close.push(...replaceable.filter(({ lent }) => !lent))
  return {
    close,
    replace,
    validate: view.mayTalk ? dueKeepalives(view, staying, due.validate).filter((each) => !goes(replace, each)) : [],
    open: view.mayTalk && view.mayRefill ? missing(view, close.length, replace.length) : 0,
  }
}

function goes<C>(leaving: readonly Close<C>[], connection: C): boolean {
  return leaving.some((each) => each.connection === connection)
}

type Close<C> = { readonly connection: C; readonly reason: CloseReason }

interface Retiring<C> extends Close<C> {
  readonly lent: boolean
  readonly openedAt: number
  /** What it was opened with is over. */
  readonly isOver: boolean
}

interface Due<C> {
  /** The oldest first. */
  readonly retire: readonly Retiring<C>[]
  readonly validate: readonly Entry<C>[]
}

function dueConnections<C>({ rules, situation, lent }: RoundView<C>, idle: readonly Entry<C>[]): Due<C> {
  const due = { retire: [] as Due<C>['retire'][number][], validate: [] as Entry<C>[] }
  for (const entry of idle) {
    const verdict = judge(rules.round, entry.facts, situation)
    if (verdict.action === 'validate') due.validate.push(entry)
    else if (verdict.action === 'retire') due.retire.push(retirement(entry, verdict.reason, false, situation))
  }
  for (const entry of lent) {
    // What is condemned already goes when it comes back; it was replaced, or need not be.
    if (entry.facts.condemnedFor !== undefined || !isShortLease(entry.facts, situation.now)) continue
    const verdict = judge(rules.round, entry.facts, situation)
    if (verdict.action === 'retire') due.retire.push(retirement(entry, verdict.reason, true, situation))
  }
  return { ...due, retire: due.retire.toSorted((a, b) => a.openedAt - b.openedAt) }
}

/**
 * Replacements come one after the other, so many connections of one age have to begin before the
 * first of them is due: when the k-th oldest would otherwise be over its lifetime before its turn.
 * And so does the last one that would be over before the next round.
 */
function oldestIfLate<C>(view: RoundView<C>, idle: readonly Entry<C>[]): Due<C>['retire'] {
  const { policy, replacementMillis, roundMillis, situation } = view
  const byEnd = idle
    .map((entry) => ({ entry, end: endOf(entry.facts, policy.maxLifetimeMillis, situation) }))
    .toSorted((a, b) => a.end.inMillis - b.end.inMillis)
  const isLate = byEnd.some(({ end }, index) => roundMillis + (index + 1) * replacementMillis >= end.inMillis)
  return byEnd.slice(0, isLate ? 1 : 0).map(({ entry, end }) => retirement(entry, end.reason, false, situation))
}

interface End {
  readonly inMillis: number
  readonly reason: CloseReason
}

/** What was opened with a credential that has no successor yet is not replaced for its sake. */
function endOf(facts: ConnectionFacts, lifetime: number | false, situation: Situation): End {
  const byAge: End = { inMillis: lifetime === false ? Infinity : facts.openedAt + lifetime - situation.now, reason: 'maxLifetime' }
  const left = hasSuccessor(facts, situation) ? credentialLeft(facts, situation) : Infinity
  return left < byAge.inMillis ? { inMillis: left, reason: 'credential' } : byAge
}

function retirement<C>(
  { connection, facts }: Entry<C>,
  reason: CloseReason,
  lent: boolean,
  situation: Situation,
): Retiring<C> {
  return { connection, reason, lent, openedAt: facts.openedAt, isOver: credentialLeft(facts, situation) <= 0 }
}

function isShortLease({ lentAt }: ConnectionFacts, now: number): boolean {
  return lentAt !== Infinity && now - lentAt < SHORT_LEASE_MILLIS
}

/** What stands above `max` without being a replacement, the coldest first. */
function surplusOf<C>({ counts, idle, policy, replacing, surplus }: RoundView<C>): Close<C>[] {
  const tooMany = Math.max(0, aliveOf(counts) - replacing - policy.max)
  return idle.slice(0, tooMany).map(({ connection }) => ({ connection, reason: surplus }))
}

/** What has lain idle for too long, but for what `min` and `minIdle` keep. */
function overdueIdle<C>({ counts, policy, rules, situation }: RoundView<C>, idle: readonly Entry<C>[]): Close<C>[] {
  const spare = Math.min(aliveOf(counts) - policy.min, idle.length - (policy.minIdle || 0))
  return idle
    .filter(({ facts }) => judge(rules.idle, facts, situation) === retire('idle'))
    .slice(0, Math.max(0, spare))
    .map(({ connection }) => ({ connection, reason: 'idle' }))
}

function replacementsAllowed<C>({ policy, counts, replacingNow }: RoundView<C>): number {
  const atOnce = Math.max(1, Math.floor(aliveOf(counts) / REPLACE_AT_ONCE_SHARE))
  const ahead = policy.replaceAhead === 0 ? 1 : Math.min(policy.replaceAhead, atOnce)
  return Math.max(0, ahead - replacingNow)
}

/** How many idle connections the idle timeout leaves alone, beside so many that are not idle. */
export function keptIdle({ idleTimeoutMillis, min, minIdle }: PoolPolicy, others: number): number {
  return idleTimeoutMillis === false ? Infinity : Math.max(0, min - others, minIdle || 0)
}

/** The warmest idle connections are those that the idle timeout leaves to `min` and `minIdle`. */
function dueKeepalives<C>(
  { policy, counts, idle: all }: RoundView<C>,
  idle: readonly Entry<C>[],
  due: readonly Entry<C>[],
): C[] {
  const kept = keptIdle(policy, aliveOf(counts) - all.length)
  const warmest = new Set(kept <= 0 ? [] : idle.slice(-kept).map(({ connection }) => connection))
  const allowed = Math.max(0, KEEPALIVE_AT_ONCE - counts.validating)
  return due
    .map(({ connection }) => connection)
    .filter((connection) => warmest.has(connection))
    .slice(0, allowed)
}

function missing<C>({ policy, counts, idle, refillTo }: RoundView<C>, closed: number, replaced: number): number {
  const { opening, closing } = counts
  const alive = aliveOf(counts) - closed
  const forMin = refillTo - alive - opening
  const forIdle = policy.minIdle === false ? 0 : policy.minIdle - (idle.length - closed) - opening
  // Without connections above `max`, replacements take their room from what is free below it.
  const room = policy.max - alive - closed - opening - closing - (policy.replaceAhead === 0 ? replaced : 0)
  return Math.max(0, Math.min(Math.max(forMin, forIdle), room))
}

function aliveOf({ used, idle, validating }: PoolCounts): number {
  return used + idle + validating
}
