import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolPolicyOptions } from '@poolkeeper/core'
import { keeperOf, withPoolPolicy } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { failed, fill, burst } from '../chaos/load.ts'
import { type FaultProxy, startFaultProxy } from '../faults/proxy.ts'
import { startPgbouncer, type PgbouncerServer } from '../harness/pgbouncer.ts'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireOwnServer, requireServer } from '../harness/require-server.ts'
import { silent } from './knex-harness.ts'

const WINDOW_MILLIS = 50
const MAX = 3

const postgres = requireServer('postgres')

requireOwnServer('pgbouncer').describe('Knex through PgBouncer', () => {
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

    async function open(policy: PoolPolicyOptions = {}): Promise<{ db: Knex; proxy: FaultProxy }> {
      const proxy = await startFaultProxy({ target: bouncer })
      const { user, database } = server
      const connection = { host: proxy.host, port: proxy.port, user, database }
      const config = silent({ client: 'pg', connection })
      const db = knex(withPoolPolicy(config, { max: MAX, validateAfterIdleMillis: WINDOW_MILLIS, ...policy }))
      onTestFinished(async () => {
        await db.destroy()
        await proxy.close()
      })
      await fill(db, MAX)
      await sleep(2 * WINDOW_MILLIS)
      return { db, proxy }
    }

    test.each([
      { check: 'the cheapest check of the wire', policy: {} },
      { check: 'a check of our own', policy: { validationQuery: 'select 1' } },
    ])('$check is answered', async ({ policy }) => {
      const { db } = await open(policy)
      expect(failed(await burst(db, 2 * MAX))).toEqual([])
      expect(keeperOf(db).stats()).toMatchObject({
        opens: { ok: MAX },
        validations: { ok: MAX, failed: 0, timedOut: 0 },
      })
    })

    test('what PgBouncer holds may be killed behind it while the pool is idle', async () => {
      const { db } = await open()
      server.terminateAllSync()
      expect(failed(await burst(db, 2 * MAX))).toEqual([])
    })

    test('a silent network in front of it costs no request', async () => {
      const { db, proxy } = await open({ validationTimeoutMillis: 400 })
      proxy.blackhole()
      expect(failed(await burst(db, 2 * MAX))).toEqual([])
      expect(proxy.openConnections).toBeLessThanOrEqual(MAX + 1)
    })
  })
})
