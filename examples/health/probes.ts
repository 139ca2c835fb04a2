import type { PoolKeeper } from '@poolkeeper/pg'

export interface Readiness {
  readonly isReady: boolean
  readonly pools: Readonly<Record<string, { readonly status: string; readonly reasons: readonly string[] }>>
}

/**
 * Whether to send requests here. A pool that is `degraded` still serves: taken out for it, its load would fall upon the
 * other processes, which are probably no better off.
 */
export function readiness(keepers: readonly PoolKeeper[], isStopping: boolean): Readiness {
  const healths = keepers.map((keeper) => [keeper.name, keeper.health()] as const)
  return {
    isReady: !isStopping && healths.every(([, { status }]) => status !== 'down'),
    pools: Object.fromEntries(healths.map(([name, { status, reasons }]) => [name, { status, reasons }])),
  }
}

/**
 * Whether to let this process live: it answers, so it does. The database is none of a liveness probe's business, as no
 * restart brings it back, and a restart of all processes at once is the last thing that it needs when it returns.
 */
export function isAlive(): { readonly uptimeSeconds: number } {
  return { uptimeSeconds: Math.round(process.uptime()) }
}
