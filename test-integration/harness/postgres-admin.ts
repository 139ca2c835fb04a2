import { Socket } from 'node:net'
import { Client } from 'pg'
import type { AdminConnection } from './admin-sql.ts'

/** The name of the harness's own connections: no filter ever counts or ends them. */
export const HARNESS_NAME = 'poolkeeper-harness'

export async function openPostgres(url: string): Promise<AdminConnection> {
  const socket = new Socket()
  const client = new Client({
    connectionString: url,
    application_name: HARNESS_NAME,
    connectionTimeoutMillis: 2_000,
    stream: () => socket,
  })
  // A lost connection is told by the next query; without a listener it would end the process.
  client.on('error', () => {})
  await client.connect()
  return {
    socket,
    query: async (sql, params) => (await client.query<object>(sql, [...params])).rows,
    close: () => client.end(),
  }
}
