import { applyPoolPolicy } from '@poolkeeper/mysql2'
import { createPool, type PoolOptions } from 'mysql2'
import type { Pool } from 'mysql2/promise'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { type MariadbServer, startMariadb } from '../harness/mariadb.ts'
import { requireOwnServer } from '../harness/require-server.ts'
import { mariadbWire } from '../hosts/mariadb-wire.ts'
import { type Address, type ChaosHost, chaosHost, type HostPool, MAX } from './chaos-host.ts'
import { describeBlackholes, describeKills, describeOutage, describeRecycling, describeRestarts } from './pool-faults.ts'

/** mysql2's promise pool, with its own settings. */
function mysql2Host(server: MariadbServer): ChaosHost {
  const { config, door, forget } = mariadbWire(server, 'mysql2')

  async function make(at: Address, label: string): Promise<HostPool & { readonly db: Pool }> {
    const { connection } = await config(at, label)
    onTestFinished(() => forget(label))
    const db = createPool({ ...(connection as PoolOptions), connectionLimit: MAX }).promise()
    const pool = {
      query: () => db.query('select 1'),
      async acquire() {
        const held = await db.getConnection()
        return { connection: held.connection, release: () => held.release() }
      },
    }
    return { db, pool, end: () => db.end() }
  }

  return chaosHost({
    name: 'mysql2',
    target: server,
    door,
    async kept(at, label, policy) {
      const made = await make(at, label)
      return { ...made, keeper: applyPoolPolicy(made.db, policy) }
    },
    bare: make,
  })
}

requireOwnServer('mariadb').describe('mysql2 on MariaDB', () => {
  let server: MariadbServer
  const host = (): ChaosHost => mysql2Host(server)

  beforeAll(async () => {
    // A server of our own, for it is restarted.
    server = await startMariadb({ settings: {} })
  })
  afterAll(() => server.stop())

  describeKills(host)
  describeBlackholes(host)
  describeOutage(host)
  describeRecycling(host)
  describeRestarts(host, (mode) => server.restart(mode))
})
