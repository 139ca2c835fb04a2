import type { Driver } from './driver.ts'
import { pingMysql, type MysqlCallbackConnection } from './mysql-callback.ts'
import { isMysqlLimitRefusal, mysqlHarmOf } from './mysql-errors.ts'
import { watchEmitter } from './watch.ts'

/** The part of a `mysql` connection that is used here; declared so that `mysql` is not a dependency. */
export interface MysqlConnection extends MysqlCallbackConnection {
  readonly state?: string
  readonly _socket?: { readonly bytesWritten?: number }
}

const LIVING_STATES = ['connected', 'authenticated']

export const mysqlDriver: Driver<MysqlConnection> = {
  wire: 'mysql',

  validate: (connection, text) => pingMysql(connection, text),

  isBroken: ({ state }) => state !== undefined && !LIVING_STATES.includes(state),

  destroy(connection) {
    connection.destroy()
  },

  harmOf: mysqlHarmOf,

  isLimitRefusal: isMysqlLimitRefusal,

  watch: (connection, onDeath) => watchEmitter(connection, onDeath),

  bytesWritten: (connection) => connection._socket?.bytesWritten,
}
