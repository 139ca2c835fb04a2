import diagnosticsChannel from 'node:diagnostics_channel'
import { channelName, type Clock, type PoolEvent, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/core'
import { applyPoolPolicy } from '@poolkeeper/pg'
import pg from 'pg'
import type { Wait } from '../replay.ts'
import type { Arrival } from '../trace.ts'

export interface LivePoolOptions {
  readonly url: string
  readonly name: string
  readonly policy: PoolPolicyOptions
  readonly clock: Clock
  readonly speed: number
}

/** No policy takes a longer time. */
const LONGEST_MILLIS = 2_147_483_647

/** What concerns the network takes real time, however fast the policy's clock runs. */
function atSpeed(policy: PoolPolicyOptions, name: string, speed: number): PoolPolicyOptions {
  const real = (millis: number): number => Math.min(LONGEST_MILLIS, Math.round(millis * speed))
  return {
    acquireTimeoutMillis: real(60_000),
    connectTimeoutMillis: real(10_000),
    validationTimeoutMillis: real(1_000),
    validateAfterIdleMillis: real(500),
    drainTimeoutMillis: real(10_000),
    idleTimeoutMillis: 30_000,
    // Once a minute, or once in half an hour, would be several times a second in such a pool.
    maxLifetimeMillis: false,
    keepaliveMillis: false,
    ...policy,
    name,
  }
}

/** A pool on a real server, and what became of its callers. */
export class LivePool {
  readonly keeper: PoolKeeper
  /** Moments by the accelerated clock, waits in real time. */
  readonly waits: Wait[] = []
  readonly failed: Record<string, number> = {}
  readonly resized: Record<string, number> = {}
  readonly #pool: pg.Pool
  readonly #clock: Clock
  readonly #speed: number
  readonly #visits = new Set<Promise<void>>()

  constructor({ clock, name, policy, speed, url }: LivePoolOptions) {
    this.#clock = clock
    this.#speed = speed
    this.#pool = new pg.Pool({ connectionString: url, application_name: name })
    this.keeper = applyPoolPolicy(this.#pool, atSpeed(policy, name, speed), { clock })
    diagnosticsChannel.subscribe(channelName('resized'), this.#onResized)
  }

  readonly #onResized = (message: unknown): void => {
    const { pool, reason } = message as Extract<PoolEvent, { type: 'resized' }>
    if (pool === this.keeper.name) this.resized[reason] = (this.resized[reason] ?? 0) + 1
  }

  visit(arrival: Arrival): void {
    const visit = this.#serve(arrival).finally(() => this.#visits.delete(visit))
    this.#visits.add(visit)
  }

  async #serve({ holdMillis }: Arrival): Promise<void> {
    const at = this.#clock.wallNow()
    const since = performance.now()
    try {
      const client = await this.#pool.connect()
      this.waits.push({ at, millis: performance.now() - since })
      try {
        await client.query('select pg_sleep($1)', [holdMillis / this.#speed / 1_000])
      } finally {
        client.release()
      }
    } catch (error) {
      const code = (error as { code?: unknown }).code
      const name = typeof code === 'string' ? code : String(error)
      this.failed[name] = (this.failed[name] ?? 0) + 1
    }
  }

  /** Until everybody who came has left. */
  async settled(): Promise<void> {
    await Promise.all(this.#visits)
  }

  async end(): Promise<void> {
    diagnosticsChannel.unsubscribe(channelName('resized'), this.#onResized)
    await this.#pool.end()
  }
}
