import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AdapterHarness, describeAdapter } from '@poolkeeper/conformance'
import { applyPoolPolicy } from '@poolkeeper/pg'
import type { Pool, PoolClient, PoolConfig } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFaultProxy } from '../faults/proxy.ts'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { cannotCompile, installNativePool } from './native-pg.ts'
import { CORE } from './pg-core-behaviours.ts'
import { pgHarness } from './pg-harness.ts'

const HANGS = 'nothing can stop libpq while it connects: such an attempt keeps its socket, and a thread of Node'
const DEAF = 'the binding of libpq hears nothing of a connection that is reset: that shows at its next check'
const cannot = {
  'connect-frozen': HANGS,
  'connect-late': HANGS,
  'host-close': HANGS,
  'dead-seen': DEAF,
  'died-lent': DEAF,
  'random-faults': DEAF,
} as const satisfies AdapterHarness['cannot']
const DECLARED = Object.keys(cannot) as (keyof typeof cannot)[]
const ITS_OWN = ['check-window', 'min-and-ready'] as const

const address = requireServer('postgres')
const missing = cannotCompile()

describe.skipIf(missing !== undefined)(`pg-native${missing === undefined ? '' : ` (skipped, ${missing})`}`, () => {
  let folder: string
  let server: PostgresServer
  let NativePool: new (config: PoolConfig) => Pool

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'poolkeeper-native-'))
    NativePool = await installNativePool(folder)
    server = await attachPostgres(address)
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const numbers = new WeakMap<PoolClient, Promise<number>>()

  /** libpq knows the number of its backend, but its binding does not tell: it is the first that is asked. */
  function createPool(config: PoolConfig): Pool {
    const pool = new NativePool(config)
    pool.on('connect', (client) => {
      const asked = client.query<{ pid: number }>('select pg_backend_pid() as pid')
      numbers.set(client, asked.then(({ rows }) => rows[0]?.pid ?? 0, () => 0))
    })
    return pool
  }

  address.describe('a pool of its clients', () => {
    const harness = pgHarness({ name: 'pg-native', server: () => server, cannot, createPool, numberOf: (client) => numbers.get(client) })
    testSupportMatrix(describeAdapter({ describe, test, expect }, harness, { only: [...CORE, ...ITS_OWN, ...DECLARED] }))

    test('a connect that is given up ends no process, and its connection is closed when it comes', async () => {
      const { host, port, user, database } = server
      const proxy = await startFaultProxy({ target: { host, port } })
      proxy.delay(200)
      const pool = createPool({ host: proxy.host, port: proxy.port, user, database, max: 1 })
      const keeper = applyPoolPolicy(pool, { connectTimeoutMillis: 50, drainTimeoutMillis: 100 })
      await expect(pool.connect()).rejects.toThrow('Connection terminated due to connection timeout')
      expect(proxy.openConnections).toBe(1)
      await expect.poll(() => proxy.openConnections, { timeout: 5_000 }).toBe(0)
      expect(keeper.stats().opens).toMatchObject({ ok: 0, failed: 1 })
      await pool.end()
      await proxy.close()
    })

    test('a statement that hears nothing of a reset ends with `query_timeout`, and its connection with it', async () => {
      const { host, port, user, database } = server
      const proxy = await startFaultProxy({ target: { host, port } })
      const pool = createPool({ host: proxy.host, port: proxy.port, user, database, max: 1, query_timeout: 300 })
      const keeper = applyPoolPolicy(pool, { drainTimeoutMillis: 100 })
      const asked = pool.query('select pg_sleep(20)')
      await expect.poll(() => keeper.stats().used).toBe(1)
      proxy.cut()
      await expect(asked).rejects.toThrow('Query read timeout')
      expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      expect(keeper.stats()).toMatchObject({ closes: { fatal: 1 }, opens: { ok: 2 } })
      await pool.end()
      await proxy.close()
    })
  })
})
