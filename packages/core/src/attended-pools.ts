import type { PoolKeeper } from './keeper.ts'
import type { PoolStats } from './stats.ts'

/** One pool of this process, as metrics and dashboards need it. */
export interface AttendedPool {
  /**
   * The keeper's name, and a number behind it where another pool bears the same: no two pools of a
   * process that are open at once have the same one.
   */
  readonly name: string
  readonly keeper: PoolKeeper
  /** Milliseconds since the epoch: its counters began to count. */
  readonly attendedAt: number
  /** Of this moment; never `closed`. */
  readonly stats: PoolStats
}

interface Listed {
  readonly name: string
  readonly attendedAt: number
  /** A pool that nobody holds any more, closed or not, may be collected: its keeper lives as long as its host. */
  readonly keeper: WeakRef<PoolKeeper>
}

type Follower = (pool: Pick<AttendedPool, 'name' | 'keeper'>) => void

interface Listing {
  readonly pools: Map<string, Listed>
  readonly followers: Set<Follower>
}

// Two copies of this package in one process list their pools in one place.
const KEY = Symbol.for('poolkeeper.attended/v1')

function listing(): Listing {
  const home = globalThis as unknown as Record<symbol, Listing | undefined>
  return (home[KEY] ??= { pools: new Map(), followers: new Set() })
}

/**
 * Tells `follower` of every pool that is attended now and of those that will be, each once, until the
 * returned function is called. It must not throw.
 */
export function followPools(follower: Follower): () => void {
  const own: Follower = (pool) => follower(pool)
  listing().followers.add(own)
  for (const { name, keeper } of attendedPools()) own({ name, keeper })
  return () => void listing().followers.delete(own)
}

/**
 * Every pool of this process that is attended and not closed, the oldest first. A keeper that stands for
 * several pools (that of a mysql2 `PoolCluster`) is left out: its pools are there themselves.
 */
export function attendedPools(): AttendedPool[] {
  return [...listing().pools.values()].flatMap((pool) => {
    const look = lookAt(pool)
    return look === undefined ? [] : [look]
  })
}

function lookAt({ name, attendedAt, keeper: held }: Listed): AttendedPool | undefined {
  const keeper = held.deref()
  if (keeper === undefined || keeper.nodes !== undefined) return undefined
  const stats = statsOf(keeper)
  return stats === undefined || stats.state === 'closed' ? undefined : { name, keeper, attendedAt, stats }
}

/** Counts are the host's own: a host that cannot tell them must not hide all other pools. */
function statsOf(keeper: PoolKeeper): PoolStats | undefined {
  try {
    return keeper.stats()
  } catch {
    return undefined
  }
}

/** Called for every keeper that is registered; again for the same one, it does nothing. */
export function listPool(keeper: PoolKeeper): void {
  const { pools, followers } = listing()
  for (const [name, { keeper: known }] of pools) {
    const pool = known.deref()
    if (pool === keeper) return
    if (pool === undefined) pools.delete(name)
  }
  const name = freeName(keeper.name, pools)
  // Behind those that were there before, also when it takes over the name of one that is closed.
  pools.delete(name)
  pools.set(name, { name, attendedAt: Date.now(), keeper: new WeakRef(keeper) })
  if (keeper.nodes === undefined) for (const follower of [...followers]) follower({ name, keeper })
}

function freeName(wanted: string, pools: ReadonlyMap<string, Listed>): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted} #${number}`
    const holder = pools.get(name)?.keeper.deref()
    if (holder === undefined || statsOf(holder)?.state === 'closed') return name
  }
}

export function unlistPool(keeper: PoolKeeper): void {
  const { pools } = listing()
  for (const [name, { keeper: known }] of pools) if (known.deref() === keeper) pools.delete(name)
}
