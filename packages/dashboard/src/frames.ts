import type { AttendedPool, ConnectionExplanation, PoolCounts, PoolState, PoolStats, WaiterExplanation } from '@poolkeeper/core'
import type { DashboardOperation } from './options.ts'
import type { RecentDurations, RecentSummary } from './recent-durations.ts'

/** As many as a person reads; a page of a thousand would only be slow. */
export const LISTED_POOLS = 100
export const LISTED_CONNECTIONS = 50
export const LISTED_WAITERS = 20
const LONGEST_TEXT = 300

/** All pools at one moment, as a page is told of them. */
export interface Frame {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly pools: readonly PoolFrame[]
  /** How many there are besides those. */
  readonly otherPools: number
}

/** What a page shows of one connection. */
export type ConnectionFrame = Omit<ConnectionExplanation, 'holder'> & {
  readonly owner: string | undefined
  readonly site: string | undefined
  readonly statement: string | undefined
}

type Shown = 'acquires' | 'opens' | 'validations' | 'leaks' | 'replacements' | 'circuit' | 'waitMillis' | 'useMillis' | 'openMillis'

export interface PoolFrame extends PoolCounts, Pick<PoolStats, Shown> {
  readonly name: string
  readonly state: PoolState
  readonly min: number
  readonly max: number
  readonly status: 'up' | 'degraded' | 'down' | 'unknown'
  readonly reasons: readonly string[]
  readonly isObserving: boolean
  readonly attendedAt: number
  /** Only reasons for which some were closed. */
  readonly closes: Readonly<Record<string, number>>
  readonly recentWait: RecentSummary
  readonly recentUse: RecentSummary
  readonly connections: readonly ConnectionFrame[]
  readonly otherConnections: number
  /** The oldest first. */
  readonly waiters: readonly WaiterExplanation[]
  readonly otherWaiters: number
}

/** One moment of the chart. */
export type Sample = readonly [at: number, used: number, idle: number, other: number, pending: number, max: number]

/** What was seen before a page came, by the pools' names. */
export type History = readonly (readonly [name: string, samples: readonly Sample[]])[]

/** What a page is told first. */
export interface Hello {
  readonly operations: readonly DashboardOperation[]
  readonly statements: boolean
}

export function sampleOf(at: number, { used, idle, validating, opening, closing, pending, max }: PoolStats): Sample {
  return [at, used, idle, validating + opening + closing, pending, max]
}

export function poolFrameOf(pool: AttendedPool, recent: RecentDurations, withStatements: boolean): PoolFrame {
  const { keeper, name, attendedAt, stats } = pool
  const { used, idle, validating, opening, closing, pending, min, max, state } = stats
  const { acquires, opens, validations, leaks, replacements, circuit, waitMillis, useMillis, openMillis } = stats
  return {
    ...{ name, state, min, max, used, idle, validating, opening, closing, pending },
    ...{ acquires, opens, validations, leaks, replacements, circuit, waitMillis, useMillis, openMillis },
    ...healthOf(pool),
    isObserving: keeper.policy.mode === 'observe',
    attendedAt,
    closes: Object.fromEntries(Object.entries(stats.closes).filter(([, count]) => count > 0)),
    recentWait: recent.summary('wait'),
    recentUse: recent.summary('use'),
    ...explained(pool, withStatements),
  }
}

/** A host that cannot be asked must not hide the others, nor what else is known of it. */
function healthOf({ keeper }: AttendedPool): Pick<PoolFrame, 'status' | 'reasons'> {
  try {
    const { status, reasons } = keeper.health()
    return { status, reasons }
  } catch {
    return { status: 'unknown', reasons: [] }
  }
}

type Explained = Pick<PoolFrame, 'connections' | 'otherConnections' | 'waiters' | 'otherWaiters'>

function explained({ keeper }: AttendedPool, withStatements: boolean): Explained {
  try {
    const { connections, waiters } = keeper.explain()
    return {
      connections: byInterest(connections).slice(0, LISTED_CONNECTIONS).map((one) => connectionFrameOf(one, withStatements)),
      otherConnections: Math.max(0, connections.length - LISTED_CONNECTIONS),
      waiters: waiters.slice(0, LISTED_WAITERS),
      otherWaiters: Math.max(0, waiters.length - LISTED_WAITERS),
    }
  } catch {
    return { connections: [], otherConnections: 0, waiters: [], otherWaiters: 0 }
  }
}

const INTEREST: Readonly<Record<ConnectionExplanation['state'], number>> = { used: 0, validating: 1, idle: 2 }

/** What is held comes first, and what is held the longest before all. */
function byInterest(connections: readonly ConnectionExplanation[]): readonly ConnectionExplanation[] {
  return connections.toSorted((a, b) => INTEREST[a.state] - INTEREST[b.state] || b.sinceMillis - a.sinceMillis)
}

function connectionFrameOf({ holder, ...facts }: ConnectionExplanation, withStatements: boolean): ConnectionFrame {
  return {
    ...facts,
    owner: shortened(holder?.owner),
    site: shortened(holder?.site),
    statement: withStatements ? shortened(holder?.lastQuery) : undefined,
  }
}

function shortened(text: string | undefined): string | undefined {
  return text !== undefined && text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)} …` : text
}
