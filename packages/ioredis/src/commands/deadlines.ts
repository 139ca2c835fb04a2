import type { Clock, Timer } from '@poolkeeper/core'
import type { SentCommand } from '../host/redis-client.ts'

const PERIOD_MILLIS = 100
/** This process did not run: nobody is blamed for it. */
const STOPPED_AFTER_MILLIS = 1_000

/** In the place of a command's `reject`: its caller has his error, and whoever would send it again does not. */
const givenUp = (): void => {}

/** Its caller was told that it is not waited for any more. */
export function isGivenUp(command: SentCommand): boolean {
  return command.reject === givenUp
}

interface Late {
  since: number
}

/**
 * Commands that have no answer yet, and since when. Under a Cluster, a command wanders: it waits here, is sent there, and
 * is sent again elsewhere, and its caller waits all the time.
 *
 * Nothing is paid for a command that is answered before the next look but its place in a list.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #expired: (command: SentCommand) => Error | undefined
  readonly #late = new Map<SentCommand, Late>()
  #fresh: SentCommand[] = []
  #freshSince = 0
  #timer: Timer | undefined
  timeoutMillis: number

  /** @param expired - what to tell; `undefined`: it may go on */
  constructor(clock: Clock, timeoutMillis: number, expired: (command: SentCommand) => Error | undefined) {
    this.#clock = clock
    this.timeoutMillis = timeoutMillis
    this.#expired = expired
  }

  add(command: SentCommand): void {
    if (this.#timer === undefined) this.#watch()
    this.#fresh.push(command)
  }

  /** All that have no answer, answered with an error; how many. */
  giveUpAll(error: Error): number {
    this.#sort()
    const all = [...this.#late.keys()]
    for (const command of all) this.#giveUp(command, error)
    return all.length
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#fresh = []
    this.#late.clear()
  }

  #watch(): void {
    const dueAt = this.#clock.now() + PERIOD_MILLIS
    this.#freshSince = this.#clock.now()
    this.#timer = this.#clock.after(PERIOD_MILLIS, () => this.#clock.afterInput(() => this.#look(this.#clock.now() - dueAt)))
  }

  #look(lateMillis: number): void {
    if (this.#timer === undefined) return
    this.#timer = undefined
    this.#sort()
    if (lateMillis >= STOPPED_AFTER_MILLIS) for (const late of this.#late.values()) late.since += lateMillis
    const before = this.#clock.now() - this.timeoutMillis
    for (const [command, { since }] of this.#late) {
      if (since > before) break
      const error = this.#expired(command)
      if (error !== undefined) this.#giveUp(command, error)
    }
    if (this.#late.size > 0) this.#watch()
  }

  /** Of those that came since the last look, few are without an answer: these are followed one by one. */
  #sort(): void {
    for (const command of this.#fresh) {
      if (command.isResolved === true || this.#late.has(command)) continue
      this.#late.set(command, { since: this.#freshSince })
      const settled = (): void => void this.#late.delete(command)
      command.promise.then(settled, settled)
    }
    this.#fresh = []
  }

  #giveUp(command: SentCommand, error: Error): void {
    this.#late.delete(command)
    command.reject(error)
    command.reject = givenUp
  }
}
