import type { Driver } from './driver.ts'
import { pingMysql, type MysqlCallbackConnection } from './mysql-callback.ts'
import { isMysqlLimitRefusal, mysqlHarmOf } from './mysql-errors.ts'
import { watchEmitter } from './watch.ts'

/** The part of a `mariadb/callback` connection that is used here; mariadb is not a dependency. */
export interface MariadbConnection extends MysqlCallbackConnection {
  isValid?(): boolean
}

export const mariadbDriver: Driver<MariadbConnection> = {
  wire: 'mysql',

  validate: (connection, text) => pingMysql(connection, text),

  isBroken: (connection) => connection.isValid?.() === false,

  destroy(connection) {
    connection.destroy()
  },

  harmOf: mysqlHarmOf,

  isLimitRefusal: isMysqlLimitRefusal,

  watch: (connection, onDeath) => watchEmitter(connection, onDeath),

  // The socket is out of reach.
  bytesWritten: () => undefined,
}
