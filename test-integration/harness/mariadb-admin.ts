import { connect } from 'node:net'
import { createConnection } from 'mysql2/promise'
import type { AdminConnection } from './admin-sql.ts'

const CONNECT_TIMEOUT_MILLIS = 2_000

export async function openMariadb(url: string): Promise<AdminConnection> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port || 3306), hostname).setNoDelay(true)
  const connectTimeout = CONNECT_TIMEOUT_MILLIS
  const connection = await createConnection({ uri: url, stream: () => socket, connectTimeout })
  // A lost connection is told by the next query; without a listener it would end the process.
  connection.on('error', () => {})
  return {
    socket,
    query: async (sql, params) => {
      const [rows] = await connection.query(sql, [...params])
      return Array.isArray(rows) ? rows : []
    },
    close: () => connection.end(),
  }
}
