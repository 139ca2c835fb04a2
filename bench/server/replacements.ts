import { performance } from 'node:perf_hooks'
import type { PoolEvent } from '@poolkeeper/core'

interface Step {
  readonly at: number
  /** A replacement begins when its connection is asked for, and ends when the old one is closed. */
  readonly change: 1 | -1
}

/** Watches the events of a full pool: everything that opens replaces something, everything that closes was replaced. */
export class Replacements {
  readonly #steps: Step[] = []

  readonly observe = (event: PoolEvent): void => {
    const now = performance.now()
    if (event.type === 'opened') this.#steps.push({ at: now - event.openMillis, change: 1 })
    if (event.type === 'closed') this.#steps.push({ at: now, change: -1 })
  }

  get finished(): number {
    return this.#steps.filter(({ change }) => change === -1).length
  }

  /** The most that were under way at one moment. */
  get mostAtOnce(): number {
    const ordered = this.#steps.toSorted((one, other) => one.at - other.at || one.change - other.change)
    let underWay = 0
    let most = 0
    for (const { change } of ordered) most = Math.max(most, (underWay += change))
    return most
  }
}
