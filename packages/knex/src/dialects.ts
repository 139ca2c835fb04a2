import type { PolicyValues } from '@poolkeeper/core'
import {
  isSocketError,
  mariadbDriver,
  mysql2Driver,
  mysqlDriver,
  pgDriver,
  sqliteDriver,
  watchEmitter,
  type Driver,
} from '@poolkeeper/drivers'
import type { KnexClient, KnexConnection } from './knex-client.ts'

/** What is known of a dialect: the wire below it, and what cannot be done on it. */
export interface Dialect {
  readonly driver: Driver<KnexConnection>
  /** `false`: a connection is never replaced. */
  readonly replaceable: boolean
  readonly fixed: Partial<PolicyValues>
}

const DRIVERS: Readonly<Record<string, Driver<never>>> = {
  pg: pgDriver,
  cockroachdb: pgDriver,
  'pg-redshift': pgDriver,
  mysql2: mysql2Driver,
  mysql: mysqlDriver,
  mariadb: mariadbDriver,
  'better-sqlite3': sqliteDriver,
  sqlite3: sqliteDriver,
}

/** A connection to `:memory:` is the database itself: nothing may ever replace it. */
const NEVER_REPLACED: Partial<PolicyValues> = {
  maxLifetimeMillis: false,
  idleTimeoutMillis: false,
  maxUses: false,
  validateAfterIdleMillis: false,
  keepaliveMillis: false,
  replaceAhead: 0,
}

export function dialectOf(client: KnexClient): Dialect {
  const driver = DRIVERS[client.driverName ?? ''] ?? statementDriver(client)
  if (driver.wire !== 'sqlite') return { driver, replaceable: true, fixed: {} }
  return { driver, replaceable: false, fixed: NEVER_REPLACED }
}

/** Of mssql, and of Oracle's database: invalid name or password, and an account that is locked. */
const WRONG_LOGIN: readonly unknown[] = ['ELOGIN', 'ORA-01017', 'ORA-28000']

function isWrongLogin(error: unknown): boolean {
  return typeof error === 'object' && error !== null && WRONG_LOGIN.includes((error as { code?: unknown }).code)
}

/**
 * For dialects without a driver of their own here (mssql, oracledb, pgnative): the check is a
 * statement through Knex's own dialect.
 */
function statementDriver(client: KnexClient): Driver<KnexConnection> {
  const cheapest = client.driverName?.startsWith('oracle') === true ? 'select 1 from dual' : 'select 1'
  return {
    wire: 'other',
    async validate(connection, text = cheapest) {
      await client._query(connection, { sql: text, bindings: [] })
    },
    isBroken: () => false,
    destroy(connection) {
      const { close, end } = connection as { close?: () => unknown; end?: () => unknown }
      const farewell = close ?? end
      // Neither may throw nor reject here: the connection is given up already.
      void Promise.resolve()
        .then(() => farewell?.call(connection))
        .catch(() => {})
    },
    harmOf: (error) => (isSocketError(error) ? 'connection' : 'statement'),
    refusalOf: (error) => (isWrongLogin(error) ? 'credentials' : undefined),
    watch(connection, onDeath) {
      const emitter = connection as Partial<Parameters<typeof watchEmitter>[0]>
      if (typeof emitter.on !== 'function' || typeof emitter.removeListener !== 'function') return () => {}
      return watchEmitter(emitter as Parameters<typeof watchEmitter>[0], onDeath)
    },
    bytesWritten: () => undefined,
  }
}
