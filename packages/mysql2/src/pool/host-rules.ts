import type { PoolPolicy } from '@poolkeeper/core'
import type { Mysql2Pool } from './mysql2-pool.ts'

/**
 * What mysql2 sees to itself, while a policy only observes: its limits for those who wait, the reset
 * of what comes back, and its sweep of what lies idle.
 */
export class HostRules {
  readonly #pool: Mysql2Pool
  readonly #hadSweep: boolean
  areInForce = false
  /** Read at every return. */
  resetsOnRelease = false

  constructor(pool: Mysql2Pool) {
    this.#pool = pool
    this.#hadSweep = pool._removeIdleTimeoutConnectionsTimer !== undefined
  }

  /** Under a policy in force they rest: its own rules have taken mysql2's options over. */
  configure({ mode }: PoolPolicy): void {
    this.areInForce = mode === 'observe'
    this.resetsOnRelease = this.areInForce && this.#pool.config.resetOnRelease === true
    if (this.areInForce) this.resume()
    else clearTimeout(this.#pool._removeIdleTimeoutConnectionsTimer)
  }

  /** The sweep keeps the process alive; a policy's own timers do not. */
  resume(): void {
    const pool = this.#pool
    if (this.#hadSweep && !pool._closed) pool._removeIdleTimeoutConnections()
  }

  /** Of a caller for whom nothing is free. */
  refusal(sockets: number, queued: number): Error | undefined {
    const { connectionLimit, queueLimit, waitForConnections } = this.#pool.config
    if (sockets < connectionLimit) return undefined
    if (!waitForConnections) return new Error('No connections available.')
    return queueLimit > 0 && queued >= queueLimit ? new Error('Queue limit reached.') : undefined
  }
}
