/** Who waits for a state of the pool is told of every change, never by polling. */
export class Changes {
  readonly #waiting = new Set<() => void>()

  tell(): void {
    for (const look of [...this.#waiting]) look()
  }

  /** Resolves when it holds: now, or after a change; or after a change since which nobody can hope for it. */
  until(holds: () => boolean, isInVain: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds() && !isInVain()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
    })
  }
}
