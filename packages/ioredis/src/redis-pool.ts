import type { EventEmitter } from 'node:events'
import type { PoolPolicyOptions } from '@poolkeeper/core'
import type { ChainableCommander, Redis, RedisOptions } from 'ioredis'
import type { ConnectionCommand } from './commands/names.ts'
import type { RedisLease } from './leases/leases.ts'

/** What a client of ioredis has, and a pool has not: what concerns one connection. */
export type NotOnPool =
  | ConnectionCommand
  | `${ConnectionCommand}Buffer`
  | 'commandQueue'
  | 'condition'
  | 'handleReconnection'
  | 'isCluster'
  | 'mode'
  | 'recoverFromFatalError'
  | 'sendCommand'
  | 'silentEmit'
  | 'stream'

/** What means the same for a pool, and is typed anew. */
type Retyped = 'duplicate' | 'multi' | 'status' | keyof EventEmitter

/** The policy of a Redis pool: that of every pool, and how many connections are shared. */
export interface RedisPoolPolicy extends PoolPolicyOptions {
  /**
   * How many connections ordinary commands share; the next one is opened when all that are there are busy. One is
   * enough for most: Redis itself executes one command after the other. Several help when answers are large.
   *
   * An integer from 1 to 100, not above `max`.
   *
   * @defaultValue `1`
   */
  readonly lanes?: number
}

/**
 * A pool of connections with ioredis's own commands and types: pipelined over connections that all callers share.
 *
 * `status`, the events, `quit`, `disconnect` and `duplicate` mean for the pool what they mean for a client. `connect`
 * makes it ready before it is used.
 */
export interface RedisPool extends Omit<Redis, NotOnPool | Retyped>, EventEmitter {
  readonly status: Redis['status']
  /** A transaction, sent in one piece when it is executed. */
  multi(commands?: unknown[][]): ChainableCommander
  multi(options: { pipeline: true }): ChainableCommander
  /**
   * One connection for oneself while `work` runs: for WATCH, subscriptions, another database, or what has to come one
   * after the other. What was left on it is undone when it is given back.
   */
  use<T>(work: (client: Redis) => T | Promise<T>): Promise<T>
  /** The same, until it is released; with `await using`, at the end of the block. */
  lease(): Promise<RedisLease>
  /** A pool of its own, of the same kind. */
  duplicate(override?: Partial<RedisOptions>): RedisPool
}
