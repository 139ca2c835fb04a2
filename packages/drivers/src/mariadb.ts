import type { Driver } from './driver.ts'
import { isMysqlWritable, pingMysql, rollbackMysql, settled, type MysqlCallbackConnection } from './mysql-callback.ts'
import { mysqlHarmOf, mysqlRefusalOf } from './mysql-errors.ts'
import { watchEmitter } from './watch.ts'

/** The part of a `mariadb/callback` connection that is used here; mariadb is not a dependency. */
export interface MariadbConnection extends MysqlCallbackConnection {
  reset(callback: (error: unknown) => void): unknown
  isValid?(): boolean
  ping(timeoutMillis: number, callback: (error: unknown) => void): unknown
  ping(callback: (error: unknown) => void): unknown
}

export const mariadbDriver: Driver<MariadbConnection> = {
  wire: 'mysql',

  validate: (connection, text) => pingMysql(connection, text),

  isWritable: (connection) => isMysqlWritable(connection),

  rollback: (connection) => rollbackMysql(connection),

  reset: (connection) => settled((done) => connection.reset(done)),

  isBroken: (connection) => connection.isValid?.() === false,

  destroy(connection) {
    // Not ready yet: mariadb ends it within its own connect timeout. Saying goodbye already: nobody
    // can reach its socket any more.
    if (connection.isValid?.() === false) return
    // mariadb's own destroy() opens another connection to kill what is under way, waits for it, and
    // leaves the failure of that unhandled. Its ping with a deadline ends the socket and nothing else;
    // a peer that answers even that is not busy, and can be destroyed.
    connection.ping(1, (error) => {
      if (error === undefined || error === null) connection.destroy()
    })
  },

  harmOf: mysqlHarmOf,

  refusalOf: mysqlRefusalOf,

  watch: (connection, onDeath) => watchEmitter(connection, onDeath),

  // The socket is out of reach.
  bytesWritten: () => undefined,
}
