import type { Clock, Timer } from '../clock.ts'

/** Node's event loop runs due timers first, then reads what has arrived, then runs immediates. */
const PHASES = { timer: 0, arrival: 1, afterInput: 2 } as const

interface Alarm {
  readonly at: number
  readonly phase: number
  readonly callback: () => void
}

const LONGEST_PATIENCE_MILLIS = 3_600_000

/**
 * Time as a variable: nothing happens until somebody says that time passes.
 *
 * For tests of a policy: minutes of upkeep pass in a millisecond, and always the same way.
 */
export class VirtualClock implements Clock {
  /** Milliseconds by which the wall clock is off: somebody set it, or a time server corrected it. */
  wallOffset = 0
  #now = 0
  #isPassing = false
  readonly #alarms = new Set<Alarm>()

  now(): number {
    return this.#now
  }

  wallNow(): number {
    return this.#now + this.wallOffset
  }

  after(millis: number, callback: () => void): Timer {
    return this.#set(millis, PHASES.timer, callback)
  }

  afterInput(callback: () => void): void {
    this.#set(0, PHASES.afterInput, callback)
  }

  /** Calls back when something comes over the network, `millis` from now: after timers due by then. */
  arrival(millis: number, callback: () => void): void {
    this.#set(millis, PHASES.arrival, callback)
  }

  /**
   * Lets so much time pass: every timer that is due fires at its own moment, in order, and what
   * it sets off in promises is settled before the next.
   */
  async advance(millis: number): Promise<void> {
    const end = this.#now + millis
    await this.#pass(async () => {
      for (let next = this.#next(end); next !== undefined; next = this.#next(end)) await this.#fire(next)
      this.#now = end
    })
  }

  /**
   * Lets time pass until `promise` is settled, and no further; hands over what it was settled with.
   *
   * @throws Error when `patienceMillis` (one hour) pass without that.
   */
  async until<T>(promise: Promise<T>, patienceMillis: number = LONGEST_PATIENCE_MILLIS): Promise<T> {
    const end = this.#now + patienceMillis
    let isSettled = false
    const settled = (): void => void (isSettled = true)
    promise.then(settled, settled)
    await this.#pass(async () => {
      while (!isSettled) {
        const next = this.#next(end)
        if (next === undefined) throw new Error(`not settled within ${patienceMillis} ms of virtual time`)
        await this.#fire(next)
      }
    })
    return promise
  }

  /**
   * Blocks the process for so long: everything that became due meanwhile happens late, timers
   * first, then what arrived from the network.
   */
  async stall(millis: number): Promise<void> {
    await settle()
    this.#now += millis
    await this.advance(0)
  }

  /** Two who let time pass at once would turn it back. */
  async #pass(fire: () => Promise<void>): Promise<void> {
    if (this.#isPassing) throw new Error('time is passing already: await the other advance() or until() first')
    this.#isPassing = true
    try {
      await settle()
      await fire()
    } finally {
      this.#isPassing = false
    }
  }

  /** Timers that have not fired and were not cancelled. */
  get pendingTimers(): number {
    return this.#alarms.size
  }

  #set(millis: number, phase: number, callback: () => void): Timer {
    const alarm: Alarm = { at: this.#now + Math.max(0, millis), phase, callback }
    this.#alarms.add(alarm)
    return { cancel: () => void this.#alarms.delete(alarm) }
  }

  /** Of two alarms that are due in the same phase of the same moment, the one that was set first. */
  #next(end: number): Alarm | undefined {
    let first: Alarm | undefined
    for (const alarm of this.#alarms) {
      if (alarm.at <= end && (first === undefined || this.#isBefore(alarm, first))) first = alarm
    }
    return first
  }

  #isBefore(one: Alarm, other: Alarm): boolean {
    // What is overdue is due now.
    const difference = Math.max(one.at, this.#now) - Math.max(other.at, this.#now)
    return (difference || one.phase - other.phase || one.at - other.at) < 0
  }

  async #fire(alarm: Alarm): Promise<void> {
    this.#now = Math.max(this.#now, alarm.at)
    this.#alarms.delete(alarm)
    alarm.callback()
    await settle()
  }
}

/** Chains of promises are finite: a macrotask comes after the last of them. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
