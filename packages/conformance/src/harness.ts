import type { PoolKeeper, PoolPolicyOptions } from '@poolkeeper/core'
import type { BehaviourId } from './behaviour.ts'

/**
 * What a behaviour needs besides a pool: the server's own view of its connections; a network that
 * can be broken; a connection that may be replaced by another one; a login that takes an empty password,
 * of the user that the harness names; a driver that knows, without asking, which transaction its
 * session is in; a size that changes while the pool is in use.
 */
export type Capability = 'server' | 'network' | 'replacement' | 'login' | 'transactions' | 'resize'

/** One host over one wire, as the behaviours see it. */
export interface AdapterHarness {
  /** Its column in the support matrix. */
  readonly name: string

  /** What is not there, with the reason: behaviours that need it are declared, and not run. */
  readonly lacks?: Readonly<Partial<Record<Capability, string>>>
  /** Behaviours that this host cannot show, with the reason. */
  readonly cannot?: Readonly<Partial<Record<BehaviourId, string>>>

  /** A pool with this policy, in the way that the package recommends. */
  open(policy: PoolPolicyOptions): Promise<KeptPool>
  /** The same pool without any policy. */
  openBare(): Promise<BarePool>

  /** Whether the host itself would say it so: no connection by the deadline. */
  isTimeout(error: unknown): boolean
  /** The host lets callers wait for ever, and has no error for a deadline. */
  readonly hasNoDeadline?: true
  /** The host's own close still serves those who wait; others answer them with an error. */
  readonly servesOnClose?: true
}

/** A pool, through the public face of its host. */
export interface BarePool {
  readonly server: ServerDoor
  readonly network: Network

  acquire(): Promise<Lease>
  /** One round trip in the host's most ordinary way: it acquires and releases by itself. */
  query(): Promise<void>
  /** Gives the host something back that was never its own. */
  releaseForeign(): void
  /** The host's own way of closing the pool; asked again, it does nothing. */
  end(): Promise<void>
  /** Takes down what the harness built around the pool. */
  dispose(): Promise<void>

  /** `applyPoolPolicy` on this pool. */
  apply(policy: PoolPolicyOptions): PoolKeeper
  /** `keeperOf` for this pool. */
  keeperOf(): PoolKeeper

  /**
   * Everything by which one could tell that somebody attends the pool: own properties, methods,
   * limits, numbers of listeners, on the pool, its owner and its idle connections.
   */
  traces(): object
}

export interface KeptPool extends BarePool {
  readonly keeper: PoolKeeper
}

/** A connection in a caller's hands. */
export interface Lease {
  /** The server's number for the connection. */
  readonly id: number
  /** One round trip. */
  query(): Promise<void>
  /** A statement that the server refuses; resolves when it has. */
  failingQuery(): Promise<void>
  /** Begins a transaction, and leaves it open. */
  begin(): Promise<void>
  /** Whether the server has a transaction open on it; asked only where `transactions` is not lacking. */
  isInTransaction(): Promise<boolean>
  release(): Promise<void>
}

/** The second door: what the server itself says of this pool's connections, past pool and proxy. */
export interface ServerDoor {
  /** Oldest first. */
  connections(): Promise<readonly ServerConnection[]>
  /** Ends all of them; resolves when their sockets are closed. */
  kill(): Promise<void>
  /** The same, but this process has not noticed it yet when it returns. */
  killUnseen(): void
}

export interface ServerConnection {
  /** As `Lease.id`. */
  readonly id: number
  /** Milliseconds since the server last heard something on it. */
  readonly silentMillis: number
}

/** The network between the pool and its server; a fault proxy. */
export interface Network {
  /** Sockets that the client holds open. */
  readonly openConnections: number
  /** Existing connections are swallowed for ever; new ones work, unless they are named. */
  blackhole(options?: { readonly newConnections?: boolean }): void
  /** What the server says arrives so much later; 0 is off. */
  delay(millis: number): void
  /** New connections are reset. */
  refuse(): void
  /** Existing connections are reset. */
  cut(): void
  /** Ends everything but what is swallowed already. */
  heal(): void
}
