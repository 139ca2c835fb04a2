import type { ServerConnection, ServerDoor } from '@poolkeeper/conformance'
import type { Client } from 'pg'
import type { PostgresServer } from '../harness/postgres.ts'
import type { KnexWire } from './knex-harness.ts'

const VIEW = `
  select pid as id, greatest(0, extract(epoch from clock_timestamp() - state_change) * 1000)::float8 as "silentMillis"
    from pg_stat_activity
   where backend_type = 'client backend' and application_name = $1
   order by backend_start`

/** PostgreSQL's own view of the connections that bear an application's name. */
export function postgresDoor(server: PostgresServer, applicationName: string): ServerDoor {
  return {
    connections: () => server.admin.query<ServerConnection>(VIEW, [applicationName]),
    kill: async () => void (await server.terminateAll({ applicationName })),
    killUnseen: () => server.terminateAllSync({ applicationName }),
  }
}

export function postgresWire(server: PostgresServer): KnexWire {
  return {
    target: { host: server.host, port: server.port },
    config: async ({ host, port }, label) => ({
      client: 'pg',
      connection: { host, port, user: server.user, database: server.database, application_name: label },
    }),
    door: (label) => postgresDoor(server, label),
    forget: async () => {},
    numberOf: (connection) => (connection as { processID: number }).processID,
    // Outside of a transaction each statement is one of its own, and begins when it does.
    async isInTransaction(connection) {
      const { rows } = await (connection as Client).query<{ open: boolean }>('select now() <> statement_timestamp() as open')
      return rows[0]?.open === true
    },
  }
}
