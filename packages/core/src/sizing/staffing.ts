import { erlangC } from './erlang.ts'

/**
 * Square-root staffing: servers = load + β·√load. Random arrivals scatter by about the square root of the
 * load, so the margin that keeps the share of those who wait the same grows with the root: a large pool
 * needs a smaller part of itself in reserve than a small one.
 *
 * After S. Halfin and W. Whitt, "Heavy-Traffic Limits for Queues with Many Exponential Servers",
 * Operations Research 29 (1981) 567–588.
 */

/**
 * The share of arrivals that have to wait in a large system with a margin of β·√load:
 * 1 / (1 + β·Φ(β)/φ(β)), with Φ and φ of the standard normal distribution.
 */
export function halfinWhitt(beta: number): number {
  return beta <= 0 ? 1 : 1 / (1 + beta * normalRatio(beta))
}

/** Above it nobody waits, as far as a double can tell. */
const LARGEST_BETA = 8
const BISECTIONS = 60

/** The margin β at which a share of arrivals waits; from 0, where all do. */
export function marginFor(waitProbability: number): number {
  let [low, high] = [0, LARGEST_BETA]
  for (let step = 0; step < BISECTIONS; step++) {
    const middle = (low + high) / 2
    if (halfinWhitt(middle) > waitProbability) low = middle
    else high = middle
  }
  return high
}

/** So many servers, by the square root alone. */
export function squareRootStaffing(load: number, waitProbability: number): number {
  return load <= 0 ? 0 : Math.ceil(load + marginFor(waitProbability) * Math.sqrt(load))
}

/**
 * The fewest servers at which no larger share of arrivals waits: what the square root says, put right by
 * Erlang C, from which it is off by one or two where the load is small.
 */
export function staffingFor(load: number, waitProbability: number): number {
  if (load <= 0) return 0
  let servers = squareRootStaffing(load, waitProbability)
  while (erlangC(load, servers) > waitProbability) servers++
  while (servers > 1 && erlangC(load, servers - 1) <= waitProbability) servers--
  return servers
}

/** Φ(x)/φ(x): the half below zero, and the series x + x³/3 + x⁵/(3·5) + … (G. Marsaglia, 2004). */
export function normalRatio(x: number): number {
  let [term, sum] = [x, x]
  for (let odd = 3; term > sum * Number.EPSILON; odd += 2) {
    term *= (x * x) / odd
    sum += term
  }
  return Math.sqrt(Math.PI / 2) * Math.exp((x * x) / 2) + sum
}
