import type { Driver } from './driver.ts'
import { pingMysql, type MysqlCallbackConnection } from './mysql-callback.ts'
import { isMysqlLimitRefusal, mysqlHarmOf } from './mysql-errors.ts'
import { watchEmitter } from './watch.ts'

/** The part of a mysql2 connection that is used here; declared so that mysql2 is not a dependency. */
export interface Mysql2Connection extends MysqlCallbackConnection {
  readonly stream?: { destroy(): void; readonly destroyed?: boolean; readonly bytesWritten?: number }
  readonly _fatalError?: unknown
  readonly _protocolError?: unknown
  readonly _closing?: boolean
}

export const mysql2Driver: Driver<Mysql2Connection> = {
  wire: 'mysql',

  validate: (connection, text) => pingMysql(connection, text),

  isBroken: ({ _fatalError, _protocolError, _closing, stream }) =>
    Boolean(_fatalError) || Boolean(_protocolError) || _closing === true || stream?.destroyed === true,

  destroy(connection) {
    // mysql2's own destroy() only says goodbye (stream.end()), which a half-open peer never hears.
    connection.destroy()
    connection.stream?.destroy()
  },

  harmOf: mysqlHarmOf,

  isLimitRefusal: isMysqlLimitRefusal,

  watch: (connection, onDeath) => watchEmitter(connection, onDeath),

  bytesWritten: (connection) => connection.stream?.bytesWritten,
}
