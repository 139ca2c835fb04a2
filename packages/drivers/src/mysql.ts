import type { Driver } from './driver.ts'
import { isMysqlWritable, pingMysql, rollbackMysql, settled, type MysqlCallbackConnection } from './mysql-callback.ts'
import { mysqlHarmOf, mysqlRefusalOf } from './mysql-errors.ts'
import { watchEmitter } from './watch.ts'

/** The part of a `mysql` connection that is used here; declared so that `mysql` is not a dependency. */
export interface MysqlConnection extends MysqlCallbackConnection {
  changeUser(callback: (error: unknown) => void): unknown
  readonly state?: string
  /** What is under way is the first of the queue. */
  readonly _protocol?: { readonly _queue?: { readonly length: number } }
  readonly _socket?: { destroy(error?: Error): void; readonly bytesWritten?: number }
}

const LIVING_STATES = ['connected', 'authenticated']

export const mysqlDriver: Driver<MysqlConnection> = {
  wire: 'mysql',

  validate: (connection, text) => pingMysql(connection, text),

  isWritable: (connection) => isMysqlWritable(connection),

  rollback: (connection) => rollbackMysql(connection),

  reset: (connection) => settled((done) => connection.changeUser(done)),

  isBroken: ({ state }) => state !== undefined && !LIVING_STATES.includes(state),

  isBusy: ({ _protocol }) => (_protocol?._queue?.length ?? 0) > 0,

  destroy(connection) {
    // mysql's own destroy() forgets who waits for an answer; an error on the socket gives them one.
    // Whoever listened may be gone by now, and an error without a listener ends the process.
    connection.on('error', () => {})
    connection._socket?.destroy(new Error('the connection was destroyed'))
    connection.destroy()
  },

  harmOf: mysqlHarmOf,

  refusalOf: mysqlRefusalOf,

  watch: (connection, onDeath) => watchEmitter(connection, onDeath),

  bytesWritten: (connection) => connection._socket?.bytesWritten,
}
