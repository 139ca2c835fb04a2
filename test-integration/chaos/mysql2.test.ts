import { applyPoolPolicy, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/mysql2'
import { createPool, type PoolOptions } from 'mysql2'
import type { Pool } from 'mysql2/promise'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { startFaultProxy } from '../faults/proxy.ts'
import { type MariadbServer, startMariadb } from '../harness/mariadb.ts'
import { requireOwnServer } from '../harness/require-server.ts'
import { mariadbWire } from '../hosts/mariadb-wire.ts'
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

/** mysql2's promise pool, with its own settings. */
function mysql2Host(server: MariadbServer): ChaosHost {
  async function prepare(): Promise<BareScene & { readonly db: Pool }> {
    const { target, config, door, forget } = mariadbWire(server, 'mysql2')
    if (target === undefined) throw new Error('no server')
    const label = `chaos_mysql2_${++scenes}`
    const proxy = await startFaultProxy({ target })
    const { connection } = await config(proxy, label)
    onTestFinished(() => forget(label))
    const db = createPool({ ...(connection as PoolOptions), connectionLimit: MAX }).promise()
    const pool = {
      query: () => db.query('select 1'),
      async acquire() {
        const held = await db.getConnection()
        return { connection: held.connection, release: () => held.release() }
      },
    }
    return { name: 'mysql2', db, pool, proxy, door: door(label) }
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
      // Its close would not end before the network tells it of its dead.
      onTestFinished(async () => {
        await scene.proxy.close()
        await scene.db.end().catch(() => {})
      })
      return scene
    },
  }
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
