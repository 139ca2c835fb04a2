import { isMysqlAnswer } from './mysql-errors.ts'
import { asError } from './socket-errors.ts'

type Done = (error: unknown, rows?: unknown) => void

/** What mysql, mysql2 and mariadb's callback API have in common. */
export interface MysqlCallbackConnection {
  ping(callback: Done): unknown
  query(text: string, callback: Done): unknown
  destroy(): void
  on(event: string, listener: (error?: unknown) => void): unknown
  removeListener(event: string, listener: (error?: unknown) => void): unknown
}

/** COM_PING, or the user's own text. */
export function pingMysql(connection: MysqlCallbackConnection, text: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAnswer: Done = (error) => {
      if (error === undefined || error === null || isMysqlAnswer(error)) resolve()
      else reject(asError(error))
    }
    if (text === undefined) connection.ping(onAnswer)
    else connection.query(text, onAnswer)
  })
}

/** Whether the server takes writes: neither read-only nor, on Aurora, a reader. */
export function isMysqlWritable(connection: MysqlCallbackConnection): Promise<boolean> {
  return new Promise((resolve, reject) => {
    connection.query('select @@global.read_only or @@global.innodb_read_only as readOnly', (error, rows) => {
      if (error !== undefined && error !== null) reject(asError(error))
      else resolve(Number((rows as { readOnly: unknown }[])[0]?.readOnly) === 0)
    })
  })
}

export function rollbackMysql(connection: MysqlCallbackConnection): Promise<void> {
  return settled((done) => connection.query('rollback', done))
}

/** COM_RESET_CONNECTION or its like, under the name that the driver gives it. */
export function settled(call: (done: Done) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (error === undefined || error === null) resolve()
      else reject(asError(error))
    })
  })
}
