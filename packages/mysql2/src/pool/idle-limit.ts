import type { Clock, PoolPolicy, Timer } from '@poolkeeper/core'
import type { Mysql2Pool, PoolConnection } from './mysql2-pool.ts'

/** As often as mysql2 itself looks. */
const SWEEP_MILLIS = 1_000

/**
 * `maxIdle` of mysql2's own options: what lies idle above it is closed within a second. A timer
 * runs only while there is something to close, and never keeps the process alive.
 */
export class IdleLimit {
  readonly #pool: Mysql2Pool
  readonly #clock: Clock
  readonly #policy: () => PoolPolicy
  readonly #close: (connection: PoolConnection) => void
  /** `Infinity` unless the user has set it below the size of the pool. */
  readonly #maxIdle: number
  #timer: Timer | undefined

  constructor(pool: Mysql2Pool, clock: Clock, policy: () => PoolPolicy, close: (connection: PoolConnection) => void) {
    const { maxIdle, connectionLimit } = pool.config
    this.#pool = pool
    this.#clock = clock
    this.#policy = policy
    this.#close = close
    this.#maxIdle = maxIdle !== undefined && maxIdle < connectionLimit ? maxIdle : Infinity
  }

  get isSet(): boolean {
    return this.#maxIdle !== Infinity
  }

  /** Told whenever a connection has come back, and is free. */
  look(): void {
    if (this.#pool._freeConnections.length <= this.#maxIdle || this.#timer !== undefined) return
    this.#timer = this.#clock.after(SWEEP_MILLIS, () => this.#sweep())
  }

  #sweep(): void {
    this.#timer = undefined
    const { min, minIdle, mode } = this.#policy()
    // Then mysql2 sweeps itself.
    if (mode === 'observe') return
    const kept = Math.max(this.#maxIdle, min, minIdle || 0)
    const { _freeConnections: free } = this.#pool
    for (const coldest of free.toArray().slice(0, Math.max(0, free.length - kept))) this.#close(coldest)
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
