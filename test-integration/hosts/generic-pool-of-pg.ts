import { pgDriver, settingsWith } from '@poolkeeper/drivers'
import type { CreateAttempt } from '@poolkeeper/generic-pool'
import { Client } from 'pg'
import type { PostgresServer } from '../harness/postgres.ts'
import type { ResourceSource } from './generic-pool-harness.ts'
import type { ResourceKind } from './generic-pool.ts'
import { postgresDoor } from './postgres-wire.ts'

type PgResource = Client & { readonly processID: number; readonly connection: { readonly stream: { destroy(): void } } }

const kind: ResourceKind<PgResource> = {
  driver: pgDriver,
  idOf: ({ processID }) => processID,
  query: async (client) => void (await client.query('select 1')),
  async failingQuery(client) {
    const isTaken = await client.query('select nothing from nowhere').then(
      () => true,
      () => false,
    )
    if (isTaken) throw new Error('the server took a statement that it should have refused')
  },
  begin: async (client) => void (await client.query('begin')),
  // Outside of a transaction each statement is one of its own, and begins when it does.
  async isInTransaction(client) {
    const { rows } = await client.query<{ open: boolean }>('select now() <> statement_timestamp() as open')
    return rows[0]?.open === true
  },
}

/** Clients of pg on a server, as somebody would pool them who has read the README. */
export function clientsOfPg(server: PostgresServer): ResourceSource<PgResource> {
  return {
    kind,
    target: server,
    door: (label) => postgresDoor(server, label),
    factory: ({ host, port }, label) => ({
      async create(attempt?: CreateAttempt) {
        const { user, database } = server
        const config = { host, port, user, database, application_name: label }
        const given = attempt?.credentials === undefined ? config : settingsWith(config, attempt.credentials)
        const client = new Client(given) as PgResource
        attempt?.signal.addEventListener('abort', () => endAtOnce(client))
        await client.connect()
        return client
      },
      destroy: (client) => client.end(),
    }),
  }
}

function endAtOnce(client: PgResource): void {
  client.on('error', () => {})
  client.connection.stream.destroy()
}
