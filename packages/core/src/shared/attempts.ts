/** The attempts to connect that are under way. */
export class Attempts {
  readonly #startedAt = new Map<number, number>()
  #last = 0

  /** When the oldest of them began; `Infinity` when there is none. */
  get oldestAt(): number {
    return Math.min(...this.#startedAt.values())
  }

  begin(now: number): number {
    this.#startedAt.set(++this.#last, now)
    return this.#last
  }

  /** How long it took. */
  end(attempt: number, now: number): number {
    const startedAt = this.#startedAt.get(attempt) ?? now
    this.#startedAt.delete(attempt)
    return now - startedAt
  }
}
