import type { ServerConnection, ServerDoor } from '@poolkeeper/conformance'
import type { MariadbServer } from '../harness/mariadb.ts'
import type { KnexWire } from './knex-harness.ts'

/** MariaDB's own view of a user's connections; each pool has a user of its own. */
export function mariadbDoor(server: MariadbServer, user: string): ServerDoor {
  const list = async (): Promise<ServerConnection[]> => {
    const sql = 'select id, time_ms as silentMillis from information_schema.processlist where user = ? order by id'
    const rows = await server.admin.query<{ id: number; silentMillis: string }>(sql, [user])
    return rows.map(({ id, silentMillis }) => ({ id, silentMillis: Number(silentMillis) }))
  }
  return {
    connections: list,
    kill: async () => void (await server.killAll()),
    killUnseen: () => server.killAllSync(),
  }
}

/** The `mariadb` driver would give up after one second, in the middle of an outage that a test makes. */
const CONNECT_TIMEOUT_MILLIS = 3_000

export function mariadbWire(server: MariadbServer, client: 'mysql2' | 'mysql' | 'mariadb'): KnexWire {
  return {
    target: { host: server.host, port: server.port },
    async config({ host, port }, label) {
      const { database } = server
      await server.admin.query(`create user '${label}'@'%'`)
      await server.admin.query(`grant all on ${database}.* to '${label}'@'%'`)
      return { client, connection: { host, port, user: label, database, connectTimeout: CONNECT_TIMEOUT_MILLIS } }
    },
    door: (label) => mariadbDoor(server, label),
    forget: async (label) => void (await server.admin.query(`drop user '${label}'@'%'`)),
    numberOf: (connection) => (connection as { threadId: number }).threadId,
  }
}
