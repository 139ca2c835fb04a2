import { setTimeout as sleep } from 'node:timers/promises'
import { applyPoolPolicy, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/pg'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../faults/proxy.ts'
import { startPgbouncer, type PgbouncerServer } from '../harness/pgbouncer.ts'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireOwnServer, requireServer } from '../harness/require-server.ts'

const WINDOW_MILLIS = 50
const MAX = 3

interface Scene {
  readonly pool: pg.Pool
  readonly keeper: PoolKeeper
  readonly proxy: FaultProxy
}

const postgres = requireServer('postgres')

requireOwnServer('pgbouncer').describe('A pool of pg through PgBouncer', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(postgres)
  })
  afterAll(() => server.stop())

  describe.each(['session', 'transaction'] as const)('in %s mode', (poolMode) => {
    let bouncer: PgbouncerServer

    beforeAll(async () => {
      bouncer = await startPgbouncer({ target: server, poolMode })
    })
    afterAll(() => bouncer.stop())

    /** Idle for longer than the window. */
    async function open(policy: PoolPolicyOptions = {}): Promise<Scene> {
      const proxy = await startFaultProxy({ target: bouncer })
      const { user, database } = server
      const pool = new pg.Pool({ host: proxy.host, port: proxy.port, user, database, max: MAX })
      const keeper = applyPoolPolicy(pool, { validateAfterIdleMillis: WINDOW_MILLIS, ...policy })
      onTestFinished(async () => {
        await pool.end()
        await proxy.close()
      })
      const clients = await Promise.all(Array.from({ length: MAX }, () => pool.connect()))
      for (const client of clients) client.release()
      await sleep(2 * WINDOW_MILLIS)
      return { pool, keeper, proxy }
    }

    const burst = ({ pool }: Scene): Promise<unknown> =>
      Promise.all(Array.from({ length: 2 * MAX }, () => pool.query('select 1')))

    test.each([
      { check: 'the cheapest check of the wire', policy: {} },
      { check: 'a check of our own', policy: { validationQuery: 'select 1' } },
    ])('$check is answered', async ({ policy }) => {
      const scene = await open(policy)
      await burst(scene)
      expect(scene.keeper.stats()).toMatchObject({ opens: { ok: MAX }, validations: { ok: MAX, failed: 0, timedOut: 0 } })
    })

    test('what PgBouncer holds may be killed behind it while the pool is idle', async () => {
      const scene = await open()
      server.terminateAllSync()
      await burst(scene)
    })

    test('a silent network in front of it costs no request', async () => {
      const scene = await open({ validationTimeoutMillis: 400 })
      scene.proxy.blackhole()
      await burst(scene)
      expect(scene.proxy.openConnections).toBeLessThanOrEqual(MAX + 1)
    })
  })
})
