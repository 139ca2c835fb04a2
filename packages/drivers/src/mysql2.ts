import type { Driver } from './driver.ts'
import { isMysqlWritable, pingMysql, rollbackMysql, settled, type MysqlCallbackConnection } from './mysql-callback.ts'
import { mysqlHarmOf, mysqlRefusalOf } from './mysql-errors.ts'
import { watchEmitter } from './watch.ts'

/** The part of a mysql2 connection that is used here; declared so that mysql2 is not a dependency. */
export interface Mysql2Connection extends MysqlCallbackConnection {
  /** Later versions of 3.x. */
  reset?(callback: (error: unknown) => void): unknown
  changeUser(options: object, callback: (error: unknown) => void): unknown
  readonly stream?: {
    destroy(error?: Error): void
    once(event: 'close', listener: () => void): unknown
    readonly destroyed?: boolean
    readonly closed?: boolean
    readonly bytesWritten?: number
  }
  readonly _fatalError?: unknown
  readonly _protocolError?: unknown
  readonly _closing?: boolean
  /** The command that the server is at; those behind it wait for their turn. */
  readonly _command?: unknown
}

export const mysql2Driver: Driver<Mysql2Connection> = {
  wire: 'mysql',

  validate: (connection, text) => pingMysql(connection, text),

  isWritable: (connection) => isMysqlWritable(connection),

  rollback: (connection) => rollbackMysql(connection),

  // To become the same user again does the same, and costs the server a login more.
  reset: (connection) =>
    settled((done) => (connection.reset === undefined ? connection.changeUser({}, done) : connection.reset(done))),

  isBroken: ({ _fatalError, _protocolError, _closing, stream }) =>
    Boolean(_fatalError) || Boolean(_protocolError) || _closing === true || stream?.destroyed === true,

  isBusy: ({ _command }) => Boolean(_command),

  destroy(connection) {
    // mysql2's own destroy() only says goodbye (stream.end()), which a half-open peer never hears,
    // and forgets who waits for an answer; an error on the socket gives them one.
    // Whoever listened may be gone by now, and an error without a listener ends the process.
    connection.on('error', () => {})
    connection.stream?.destroy(new Error('the connection was destroyed'))
    connection.destroy()
  },

  // mysql2 calls back when its goodbye is written; the server closes a round trip later.
  whenClosed: ({ stream }) =>
    new Promise((resolve) => {
      if (stream === undefined || stream.closed === true) resolve()
      else stream.once('close', () => resolve())
    }),

  harmOf: mysqlHarmOf,

  refusalOf: mysqlRefusalOf,

  watch: (connection, onDeath) => watchEmitter(connection, onDeath),

  bytesWritten: (connection) => connection.stream?.bytesWritten,
}
