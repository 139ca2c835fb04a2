import type { Waiter } from '@poolkeeper/core'
import type { SentCommand } from '../host/redis-client.ts'

interface Held extends Waiter {
  readonly command: SentCommand
  readonly stream: object | undefined
  since: number
}

/** Commands for a node that have not gone out yet, in the order in which they came. */
export class HeldCommands {
  #held: Held[] = []

  get count(): number {
    return this.#held.length
  }

  /** Since when the oldest of them waits. */
  get oldest(): number {
    return this.#held[0]?.since ?? Infinity
  }

  all(): readonly Waiter[] {
    return this.#held
  }

  add(command: SentCommand, stream: object | undefined, now: number): void {
    this.#held.push({ command, stream, since: now, origin: undefined })
  }

  /** Takes out one that will not go out any more; since when it has waited. */
  take(command: SentCommand): number | undefined {
    const index = this.#held.findIndex((held) => held.command === command)
    return index < 0 ? undefined : this.#held.splice(index, 1)[0]?.since
  }

  /** This process did not run for so long. */
  postpone(millis: number): void {
    for (const held of this.#held) held.since += millis
  }

  /** Takes all of them out. */
  takeAll(): readonly Held[] {
    const all = this.#held
    this.#held = []
    return all
  }
}
