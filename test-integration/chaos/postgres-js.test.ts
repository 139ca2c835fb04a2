import { keeperOf, withPoolPolicy } from '@poolkeeper/postgres-js'
import postgres, { type Options, type Sql } from 'postgres'
import { afterAll, beforeAll, describe } from 'vitest'
import { type PostgresServer, startPostgres } from '../harness/postgres.ts'
import { postgresDoor } from '../hosts/postgres-wire.ts'
import { type Address, type ChaosHost, chaosHost, type HostPool, MAX } from './chaos-host.ts'
import { describeBlackholes, describeKills, describeOutage, describeRecycling, describeRestarts } from './pool-faults.ts'

/** postgres.js, with its own settings; a connection for one caller alone is a reserved one. */
function postgresJsHost(server: PostgresServer): ChaosHost {
  function optionsOf({ host, port }: Address, label: string): Options<Record<string, never>> {
    const { user, database } = server
    return { host, port, user, database, max: MAX, connection: { application_name: label }, onnotice: () => {} }
  }

  function poolOf(sql: Sql): HostPool {
    return {
      pool: {
        query: () => sql`select 1`,
        async acquire() {
          const reserved = await sql.reserve()
          return { connection: reserved, release: () => reserved.release() }
        },
      },
      end: () => sql.end({ timeout: 1 }),
    }
  }

  return chaosHost({
    name: 'postgres.js',
    target: server,
    door: (label) => postgresDoor(server, label),
    kept(at, label, policy) {
      const sql = postgres(withPoolPolicy(optionsOf(at, label), policy))
      return { ...poolOf(sql), keeper: keeperOf(sql) }
    },
    bare: (at, label) => poolOf(postgres(optionsOf(at, label))),
  })
}

describe('postgres.js on PostgreSQL', () => {
  let server: PostgresServer
  const host = (): ChaosHost => postgresJsHost(server)

  beforeAll(async () => {
    // A server of our own, for it is restarted.
    server = await startPostgres({ settings: {} })
  })
  afterAll(() => server.stop())

  // It sends several queries at once on one connection, and opens none above its maximum.
  describeKills(host, { isShared: true })
  describeBlackholes(host)
  describeOutage(host)
  describeRecycling(host, { isAhead: false })
  describeRestarts(host, (mode) => server.restart(mode))
})
