import type { Clock, Timer } from '../clock.ts'

interface Alarm {
  readonly at: number
  readonly callback: () => void
}

/**
 * Time as a variable: nothing happens until somebody says that time passes.
 *
 * For tests of a policy: minutes of upkeep pass in a millisecond, and always the same way.
 */
export class VirtualClock implements Clock {
  #now = 0
  #alarms: Alarm[] = []

  now(): number {
    return this.#now
  }

  wallNow(): number {
    return this.#now
  }

  after(millis: number, callback: () => void): Timer {
    const alarm: Alarm = { at: this.#now + Math.max(0, millis), callback }
    this.#alarms.push(alarm)
    return { cancel: () => void (this.#alarms = this.#alarms.filter((other) => other !== alarm)) }
  }

  afterInput(callback: () => void): void {
    this.after(0, callback)
  }

  /**
   * Lets so much time pass: every timer that is due fires at its own moment, in order, and what
   * it sets off in promises is settled before the next.
   */
  async advance(millis: number): Promise<void> {
    const end = this.#now + millis
    await settle()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.at)
      this.#alarms = this.#alarms.filter((other) => other !== next)
      next.callback()
      await settle()
    }
    this.#now = end
  }

  /** Timers that have not fired and were not cancelled. */
  get pendingTimers(): number {
    return this.#alarms.length
  }

  #next(end: number): Alarm | undefined {
    // Stable: of two that are due at the same moment, the one that was set first.
    return this.#alarms.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
  }
}

/** Chains of promises are finite: a macrotask comes after the last of them. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
