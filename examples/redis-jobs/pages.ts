import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisPool } from '@poolkeeper/ioredis'

const PAUSE_MILLIS = 2

/** Visitors who look at pages, each a command of the most ordinary kind, until they leave. */
export class Visitors {
  readonly #redis: RedisPool
  readonly #waits: number[] = []
  #isOver = false

  constructor(redis: RedisPool) {
    this.#redis = redis
  }

  /** Resolves when all have left. */
  async come(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#look()))
  }

  leave(): void {
    this.#isOver = true
  }

  get views(): number {
    return this.#waits.length
  }

  /** What 99 of 100 did not wait longer than. */
  get p99Millis(): number {
    const sorted = this.#waits.toSorted((one, other) => one - other)
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0
  }

  async #look(): Promise<void> {
    while (!this.#isOver) {
      const start = performance.now()
      await this.#redis.incr('views')
      this.#waits.push(performance.now() - start)
      await sleep(PAUSE_MILLIS)
    }
  }
}
