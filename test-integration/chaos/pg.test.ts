import { applyPoolPolicy, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/pg'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest'
import { startFaultProxy } from '../faults/proxy.ts'
import { type PostgresServer, startPostgres } from '../harness/postgres.ts'
import { postgresDoor } from '../hosts/postgres-wire.ts'
import {
  type BareScene,
  type ChaosHost,
  describeBlackholes,
  describeKills,
  describeOutage,
  describeRecycling,
  describeRestarts,
  MAX,
} from './pool-faults.ts'

let scenes = 0

/** A pool of pg, with its own settings. */
function pgHost(server: PostgresServer): ChaosHost {
  async function prepare(): Promise<BareScene & { readonly db: Pool }> {
    const { host, port, user, database } = server
    const label = `chaos_pg_${++scenes}`
    const proxy = await startFaultProxy({ target: { host, port } })
    const db = new Pool({ host: proxy.host, port: proxy.port, user, database, application_name: label, max: MAX })
    const pool = {
      query: () => db.query('select 1'),
      async acquire() {
        const held = await db.connect()
        return { connection: held, release: () => held.release() }
      },
    }
    return { name: 'pg', db, pool, proxy, door: postgresDoor(server, label) }
  }

  return {
    async kept(policy: PoolPolicyOptions = {}) {
      const scene = await prepare()
      const keeper: PoolKeeper = applyPoolPolicy(scene.db, policy)
      onTestFinished(async () => {
        scene.proxy.heal()
        await scene.db.end()
        await scene.proxy.close()
      })
      return { ...scene, keeper }
    },
    async bare() {
      const scene = await prepare()
      // Nobody else listens: the death of an idle client would end the process.
      scene.db.on('error', () => {})
      scene.db.on('connect', (client) => void client.on('error', () => {}))
      // Its close would not end before the network tells it of its dead.
      onTestFinished(async () => {
        await scene.proxy.close()
        void scene.db.end().catch(() => {})
      })
      return scene
    },
  }
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
