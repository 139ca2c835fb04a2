import type { Gate } from './gate.ts'

/** Longer than connects usually take, and not long for somebody who waits. */
const SILENT_FOR_MILLIS = 1_000

/**
 * Connects that nobody answers. postgres.js waits for each until its connect timeout; but until the server has answered,
 * one socket is as good as another. One attempt at a time goes out beside those that are silent, and when the server
 * answers it, it has lost the older ones, and all of them are made anew.
 */
export class Redials {
  readonly #gates: ReadonlySet<Gate>
  #timer: NodeJS.Timeout | undefined

  constructor(gates: ReadonlySet<Gate>) {
    this.#gates = gates
  }

  opening(): void {
    this.#timer ??= setTimeout(() => this.#look(), SILENT_FOR_MILLIS).unref()
  }

  answered(dialedAt: number): void {
    for (const gate of this.#gates) if (gate.dialedAt !== undefined && gate.dialedAt < dialedAt) gate.dialAnew()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    this.#timer = undefined
    const silent = [...this.#gates].filter((gate) => gate.dialedAt !== undefined)
    if (silent.length === 0) return
    const due = silent.find((gate) => performance.now() - (gate.dialedAt ?? Infinity) >= SILENT_FOR_MILLIS - 1)
    due?.dialAgain()
    this.opening()
  }
}
