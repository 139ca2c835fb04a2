import type { PolicyValues, PoolPolicyOptions } from '@poolkeeper/core'
import type { GateEvents } from './gate-events.ts'
import type { PostgresOptions, SocketFactory } from './postgres-host.ts'
import type { TlsWish } from './raw-socket.ts'

/** What `withPoolPolicy` put into the options of an instance. */
export interface Declaration {
  readonly policy: PoolPolicyOptions
  readonly settled: Partial<PolicyValues>
  readonly ssl: TlsWish
  readonly isDirect: boolean
}

/** Who attends an instance. */
export interface Attendance {
  readonly options: PostgresOptions
  readonly events: GateEvents
}

interface Registry {
  /** By the socket factory that stands in the options. */
  readonly declarations: WeakMap<SocketFactory, Declaration>
  /** By the object that an instance shares with those that postgres.js makes beside it. */
  readonly attended: WeakMap<object, Attendance>
  /** Instances that were attended once: a declared policy is taken up by itself only the first time. */
  readonly seen: WeakSet<PostgresOptions>
}

// The options may be made by one copy of this package (as ES module), and attended by another (as CommonJS).
const KEY = Symbol.for('poolkeeper.postgres-js.instances/v1')

export function registry(): Registry {
  const home = globalThis as unknown as Record<symbol, Registry | undefined>
  return (home[KEY] ??= { declarations: new WeakMap(), attended: new WeakMap(), seen: new WeakSet() })
}
