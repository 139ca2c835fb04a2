import type { CredentialsOptions } from '../credentials/pool-credentials.ts'
import type { IdleTimeoutOptions } from '../rules/idle-timeout.ts'
import type { KeepaliveOptions } from '../rules/keepalive.ts'
import type { MaxLifetimeOptions } from '../rules/max-lifetime.ts'
import type { MaxUsesOptions } from '../rules/max-uses.ts'
import type { RetireOnOptions } from '../harm.ts'
import type { HookOptions } from '../hooks.ts'
import type { CreateRetryOptions } from '../lending/opening/backoff.ts'
import type { CircuitOptions } from '../lending/opening/circuit.ts'
import type { LeakOptions } from '../lending/holding/leaks.ts'
import type { NestedAcquireOptions } from '../lending/holding/nested-acquires.ts'
import type { PressureOptions } from '../lending/opening/pressure.ts'
import type { SizingOptions } from '../sizing/options.ts'
import type { ModeOptions } from './observe.ts'
import type { ValidateAfterIdleOptions } from '../rules/validate-after-idle.ts'
import type { ValidateRoleOptions } from '../rules/validate-role.ts'

export interface SizeOptions {
  /**
   * The pool's name in events, statistics, errors and metrics. Never put a secret into it.
   *
   * A text of 1 to 200 characters.
   *
   * @defaultValue derived from the host: the kind of database, its address and its name
   */
  readonly name?: string

  /**
   * Connections that the pool keeps.
   *
   * When the policy names it, or `ready()` was called, it is really kept: opened ahead, and
   * refilled in the background after any loss. When it only stands in the host's own options,
   * what demand has opened is kept and refilled up to it, and only while the pool is in use: a
   * database that sleeps when idle may go on sleeping.
   *
   * An integer from 0 to `max`.
   *
   * @defaultValue the host's own (Knex: `2`, SQLite: `1`)
   */
  readonly min?: number

  /**
   * Connections that the pool never exceeds, those still being closed included; only
   * `replaceAhead` goes above it, for a moment. All processes together must stay below the
   * server's own limit.
   *
   * An integer from 1 to 100_000.
   *
   * @defaultValue the host's own (Knex: `10`, SQLite: `1`)
   */
  readonly max?: number

  /**
   * Keep this many connections idle ahead of demand, up to `max`, so that a burst does not pay
   * for handshakes.
   *
   * An integer from 1 to `max`, or `false`.
   *
   * @defaultValue `false` (nothing is opened ahead of demand)
   */
  readonly minIdle?: number | false

  /**
   * Connections above `max` that may exist for a moment: a replacement that is opened before an
   * old connection is closed, and the rival of a connection that does not answer. If the server
   * refuses the extra one, the old one is closed first.
   *
   * An integer from 0 to 100; `0` keeps `max` strictly, at the price that replacing takes a
   * connection away for as long as one connect takes.
   *
   * @defaultValue `1` (one connection); SQLite: always `0`
   */
  readonly replaceAhead?: number
}

export interface AcquireOptions {
  /**
   * Milliseconds after which a caller that waits for a connection gets an error instead. One
   * absolute deadline across queueing, validation, retries and connecting.
   *
   * An integer from 1 to 2_147_483_647 (milliseconds).
   *
   * @defaultValue the host's own (Knex: `60_000`, one minute)
   */
  readonly acquireTimeoutMillis?: number

  /**
   * Milliseconds that one attempt to open a connection may take.
   *
   * An integer from 1 to 2_147_483_647 (milliseconds).
   *
   * @defaultValue the host's own (tarn: `30_000`, half a minute)
   */
  readonly connectTimeoutMillis?: number
}

export interface ValidationOptions {
  /**
   * The text that is sent to ask a connection for a sign of life, in place of the cheapest
   * message that the wire has (PostgreSQL: a bare Sync, MySQL and MariaDB: COM_PING). Any
   * answer is proof, also an error about the statement.
   *
   * A text of 1 to 10_000 characters.
   *
   * @defaultValue the cheapest message of the wire
   */
  readonly validationQuery?: string

  /**
   * Milliseconds that a check may take. On expiry the connection is destroyed hard, and all that
   * was idle then proves itself again.
   *
   * A caller rarely waits so long: as soon as a check is slower than this pool's usual round trip
   * allows (at least 100 ms), a rival connection is tried beside it, and the first that is proven
   * is lent.
   *
   * An integer from 10 to 2_147_483_647 (milliseconds).
   *
   * @defaultValue `1_000` (one second)
   */
  readonly validationTimeoutMillis?: number
}

export interface ReturnOptions {
  /**
   * What is looked at when a connection comes back.
   *
   * `'check'` reads the transaction status that the driver knows, without a round trip: what came back
   * in an open or failed transaction is rolled back before it is lent again, or retired if that fails;
   * in a pool with `max: 1` it is only reported, since statements of one transaction may come one by
   * one there. `'reset'` resets the whole session each time, at the price of a round trip (PostgreSQL:
   * `DISCARD ALL`, MySQL and MariaDB: COM_RESET_CONNECTION, with the `mysql` driver COM_CHANGE_USER). `false` looks at nothing.
   *
   * A pool of `pg` or of mysql2 that is kept itself hears it from the server's answers. Knex's own pool knows what the
   * driver keeps: `pg` from 8.21 on.
   *
   * `'check'`, `'reset'` or `false`.
   *
   * @defaultValue `'check'` (look, and roll back what is left open)
   */
  readonly onReturn?: 'check' | 'reset' | false
}

export interface DrainOptions {
  /**
   * Milliseconds that `drain()`, and the host's own way of closing the pool, wait for connections
   * in use before these are closed under their holders. Closing itself may take one second more.
   *
   * An integer from 0 to 2_147_483_647 (milliseconds).
   *
   * @defaultValue `10_000` (ten seconds)
   */
  readonly drainTimeoutMillis?: number
}

/** What a user may say about a pool. Flat, in milliseconds; `false` is the one way to say off. */
export interface PoolPolicyOptions
  extends SizeOptions,
    AcquireOptions,
    PressureOptions,
    CredentialsOptions,
    CreateRetryOptions,
    CircuitOptions,
    IdleTimeoutOptions,
    MaxLifetimeOptions,
    MaxUsesOptions,
    ValidateAfterIdleOptions,
    ValidationOptions,
    ValidateRoleOptions,
    RetireOnOptions,
    KeepaliveOptions,
    ReturnOptions,
    HookOptions,
    LeakOptions,
    NestedAcquireOptions,
    DrainOptions,
    SizingOptions,
    ModeOptions {}
