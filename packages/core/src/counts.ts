/** What a pool holds at one moment. A connection is in exactly one of the states. */
export interface PoolCounts {
  /** Lent to a caller. */
  readonly used: number
  /** Ready to be lent. */
  readonly idle: number
  /** Being asked whether it still answers; neither lent nor free. */
  readonly validating: number
  /** Being connected. */
  readonly opening: number
  /** Being closed: gone from the pool, still open as a socket. */
  readonly closing: number
  /** Callers that wait for a connection. */
  readonly pending: number
}

/** Connections that exist or are about to: everything but the callers. */
export function totalOf(counts: PoolCounts): number {
  return counts.used + counts.idle + counts.validating + counts.opening + counts.closing
}

/** One line for people: what the pool held when something went wrong. */
export function describeCounts(counts: PoolCounts, max: number): string {
  const { used, idle, validating, opening, closing, pending } = counts
  return `${used} used, ${idle} idle, ${validating} being validated, ${opening} opening, ${closing} closing of at most ${max}; ${pending} waiting`
}
