import type { Origin } from '../../origin.ts'
import type { LendingContext } from '../context.ts'

/** Connections, or callers, that come from one line of code. */
export interface Holding {
  /** `undefined` where nobody was asked to remember. */
  readonly site: string | undefined
  /** The label that `ownedBy` gave to the work. */
  readonly owner: string | undefined
  readonly count: number
  /** The one that has been there the longest. */
  readonly longestMillis: number
}

/** Sites that a sentence names. */
const NAMED = 3

/** Adds up by site and owner; the most first. */
export function addUp(
  origins: Iterable<{ readonly origin: Origin | undefined; readonly since: number }>,
  now: number,
): Holding[] {
  const holdings = new Map<string, Holding>()
  for (const { origin, since } of origins) {
    const { site, owner } = origin ?? {}
    const key = `${site} ${owner}`
    const { count, longestMillis } = holdings.get(key) ?? { count: 0, longestMillis: 0 }
    holdings.set(key, { site, owner, count: count + 1, longestMillis: Math.max(longestMillis, now - since) })
  }
  return [...holdings.values()].toSorted((a, b) => b.count - a.count || b.longestMillis - a.longestMillis)
}

/** Who holds what is lent now. */
export function holdersOf<C extends object>({ ledger, port, tracking }: LendingContext<C>, now: number): Holding[] {
  const lent = port.lent().map((connection) => ({
    origin: tracking.lease(connection)?.origin,
    since: Math.min(now, ledger.get(connection)?.lentAt ?? now),
  }))
  return addUp(lent, now)
}

/** For people: `3 held since 12.1 s by src/orders.ts:41, 1 held since 0.2 s by job 7 at src/jobs.ts:9`. */
export function describeHoldings(holdings: readonly Holding[], what: string): string {
  const known = holdings.filter(({ site, owner }) => site !== undefined || owner !== undefined)
  const named = known.slice(0, NAMED).map((holding) => `${holding.count} ${what} ${secondsOf(holding)} s by ${placeOf(holding)}`)
  const others = holdings.reduce((sum, { count }) => sum + count, 0) - known.slice(0, NAMED).reduce((sum, { count }) => sum + count, 0)
  return [...named, ...(named.length > 0 && others > 0 ? [`${others} by others`] : [])].join(', ')
}

function secondsOf({ longestMillis }: Holding): string {
  return (longestMillis / 1_000).toFixed(1)
}

/** `job 7 at src/jobs.ts:9`, or what of it is known. */
export function placeOf({ site, owner }: Pick<Holding, 'site' | 'owner'>): string {
  if (site === undefined) return owner ?? 'an unknown place'
  return owner === undefined ? site : `${owner} at ${site}`
}
