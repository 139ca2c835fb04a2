import { applyPoolPolicy } from '@poolkeeper/pg'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe } from 'vitest'
import { type PostgresServer, startPostgres } from '../harness/postgres.ts'
import { postgresDoor } from '../hosts/postgres-wire.ts'
import { type Address, type ChaosHost, chaosHost, type HostPool, MAX } from './chaos-host.ts'
import { describeBlackholes, describeKills, describeOutage, describeRecycling, describeRestarts } from './pool-faults.ts'

/** A pool of pg, with its own settings. */
function pgHost(server: PostgresServer): ChaosHost {
  function make({ host, port }: Address, label: string): HostPool & { readonly db: Pool } {
    const { user, database } = server
    const db = new Pool({ host, port, user, database, application_name: label, max: MAX })
    const pool = {
      query: () => db.query('select 1'),
      async acquire() {
        const held = await db.connect()
        return { connection: held, release: () => held.release() }
      },
    }
    return { db, pool, end: () => db.end() }
  }

  return chaosHost({
    name: 'pg',
    target: server,
    door: (label) => postgresDoor(server, label),
    kept(at, label, policy) {
      const made = make(at, label)
      return { ...made, keeper: applyPoolPolicy(made.db, policy) }
    },
    bare(at, label) {
      const made = make(at, label)
      // Nobody else listens: the death of an idle client would end the process.
      made.db.on('error', () => {})
      made.db.on('connect', (client) => void client.on('error', () => {}))
      return made
    },
  })
}

describe('pg on PostgreSQL', () => {
  let server: PostgresServer
  const host = (): ChaosHost => pgHost(server)

  beforeAll(async () => {
    // A server of our own, for it is restarted.
    server = await startPostgres({ settings: {} })
  })
  afterAll(() => server.stop())

  describeKills(host)
  describeBlackholes(host)
  describeOutage(host)
  describeRecycling(host)
  describeRestarts(host, (mode) => server.restart(mode))
})
