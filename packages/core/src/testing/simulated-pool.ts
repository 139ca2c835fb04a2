import type { PoolKeeper } from '../keeper.ts'
import { LendingKeeper } from '../lending/lending-keeper.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import { inForce } from '../policy/observe.ts'
import { resolvePolicy } from '../policy/resolve.ts'
import type { HostSettings, PoolPolicy } from '../policy/values.ts'
import { SimulatedHost } from './simulated-host.ts'
import { SimulatedServer, type SimulatedConnection, type SimulatedServerOptions } from './simulated-server.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface SimulatedPoolOptions extends SimulatedServerOptions {
  /** The policy to try. */
  readonly policy?: PoolPolicyOptions
  /** What the user set on the host itself: beaten by the policy, and never a wish to wake a server. */
  readonly host?: HostSettings['explicit']
  /** The number from [0, 1) that each new connection draws. @defaultValue always `0.5` */
  readonly draw?: () => number
  /** What the wall clock says at the beginning, in milliseconds since the epoch. @defaultValue `0` */
  readonly wallStart?: number
}

/** A pool under a policy, on virtual time. */
export interface SimulatedPool {
  readonly clock: VirtualClock
  /** The other side of the connections. */
  readonly server: SimulatedServer
  readonly keeper: PoolKeeper
  /**
   * Asks for a connection; pass the promise to `clock.until`, or nothing moves. Rejects with the
   * signal's reason when it is aborted before the connection is there.
   */
  acquire(options?: { readonly signal?: AbortSignal }): Promise<SimulatedConnection>
  /** Gives it back; `false` when nobody held it. */
  release(connection: SimulatedConnection): boolean
  /** One round trip of the holder's own. */
  query(connection: SimulatedConnection, text?: string): Promise<void>
}

const HOST_DEFAULTS: HostSettings['defaults'] = {
  name: 'simulated',
  min: 0,
  max: 10,
  acquireTimeoutMillis: 60_000,
  connectTimeoutMillis: 30_000,
  idleTimeoutMillis: 30_000,
}

/**
 * A connection pool without a database, to try a policy on virtual time: what it closes, when,
 * and how long callers wait while the server dies, hangs or slows down.
 *
 * @example
 * const pool = simulatePool({ policy: { max: 2, maxLifetimeMillis: 60_000 } })
 * const connection = await pool.clock.until(pool.acquire())
 * pool.release(connection)
 * await pool.clock.advance(60_000)
 * pool.keeper.stats().closes.maxLifetime // 1
 */
export function simulatePool(options: SimulatedPoolOptions = {}): SimulatedPool {
  const { policy = {}, host: explicit = {}, draw = () => 0.5, wallStart = 0 } = options
  const clock = new VirtualClock()
  clock.wallOffset = wallStart
  const server = new SimulatedServer(clock, options)
  let current = policy
  const resolve = (changes: PoolPolicyOptions): PoolPolicy => {
    const next = resolvePolicy({ ...current, ...changes }, { defaults: HOST_DEFAULTS, explicit })
    current = { ...current, ...changes }
    return next
  }
  const resolved = resolve({})
  const host = new SimulatedHost(server, inForce(resolved), clock)
  const keeper = new LendingKeeper(host, resolved, { clock, draw, resolve })
  host.attach(keeper)
  keeper.start()
  const acquire: SimulatedPool['acquire'] = ({ signal } = {}) => host.acquire(acquire, signal)
  const release = (connection: SimulatedConnection): boolean => host.release(connection, release)
  return {
    clock,
    server,
    keeper,
    acquire,
    release,
    query: (connection, text = 'select 1') => host.query(connection, text),
  }
}
