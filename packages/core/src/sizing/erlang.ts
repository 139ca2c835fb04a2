/**
 * How often somebody meets a group of servers that are all busy, after A. K. Erlang (1917).
 *
 * The load is in erlangs: arrivals in a second × seconds that each of them takes, which is the number of
 * servers that would be busy on average if there were no end of them. Arrivals are independent of each
 * other (Poisson); how long each of them takes may be distributed in any way for B, exponentially for C.
 */

/**
 * Erlang B: the share of arrivals that are turned away, where nobody may wait.
 *
 * By the recursion B(0) = 1, B(k) = a·B(k−1) / (k + a·B(k−1)), which neither overflows nor loses digits.
 */
export function erlangB(load: number, servers: number): number {
  let blocked = 1
  for (let count = 1; count <= servers; count++) blocked = (load * blocked) / (count + load * blocked)
  return blocked
}

/**
 * Erlang C: the share of arrivals that have to wait, where everybody does until he is served. `1` when the
 * servers are too few: then the queue grows without end.
 *
 * C = B / (1 − ρ·(1 − B)) with ρ = load / servers.
 */
export function erlangC(load: number, servers: number): number {
  if (load <= 0) return 0
  if (servers <= load) return 1
  const blocked = erlangB(load, servers)
  return blocked / (1 - (load / servers) * (1 - blocked))
}

/** Of those who wait and those who do not, the mean wait, in units of the time that one is served. */
export function meanWait(load: number, servers: number): number {
  return servers <= load ? Infinity : erlangC(load, servers) / (servers - load)
}
