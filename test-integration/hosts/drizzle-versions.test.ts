import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type BehaviourId, describeAdapter } from '@poolkeeper/conformance'
import { keeperOf, withPoolPolicy } from '@poolkeeper/drizzle/node-postgres'
import type { drizzle } from 'drizzle-orm/node-postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import versions from '../versions.json' with { type: 'json' }
import { drizzleNodePostgres } from './drizzle-node-postgres-harness.ts'
import { TRIPS } from './drizzle-ways.ts'

/** What Drizzle's own way to a connection and back touches; the rest is the pool's, and decided in the core. */
const CORE: readonly BehaviourId[] = [
  'reuse',
  'dead-unseen',
  'half-open',
  'died-lent',
  'host-errors',
  'counters',
  'recycle',
  'drain',
  'host-close',
  'detach',
  'applied-twice',
]

const require = createRequire(import.meta.url)
const address = requireServer('postgres')

address.describe('Drizzle on PostgreSQL, version by version', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  describe.each(versions.drizzle)('$version', ({ version, package: name }) => {
    const { drizzle: createDb } = require(`${name}/node-postgres`) as { drizzle: typeof drizzle }

    test('is what it should be', () => {
      const manifest = readFileSync(join(dirname(require.resolve(name)), 'package.json'), 'utf8')
      expect(JSON.parse(manifest)).toMatchObject({ name: 'drizzle-orm', version })
    })

    test.for(['url', 'connection'])('takes a configuration that was made of a %s, and knows its pool', async (form) => {
      const { host, port, user, database } = server
      const url = `postgres://${user}@${host}:${port}/${database}`
      const db = createDb(form === 'url' ? withPoolPolicy(url, { max: 2 }) : withPoolPolicy({ connection: url }, { max: 2 }))
      // Were it not known for a pool, each statement would go to a connection of its own.
      await db.transaction(async (tx) => {
        const pids = await Promise.all([1, 2].map(() => tx.execute('select pg_backend_pid() as pid')))
        expect(pids[0]?.rows).toEqual(pids[1]?.rows)
      })
      await TRIPS.execute(db)
      expect(keeperOf(db).stats()).toMatchObject({ max: 2, idle: 1, used: 0, opens: { ok: 1 }, acquires: { ok: 2 } })
      await db.$client.end()
    })

    const harness = drizzleNodePostgres({
      name: `Drizzle ${version}`,
      way: 'applyPoolPolicy',
      trip: 'transaction',
      server: () => server,
      createDb,
    })
    testSupportMatrix(describeAdapter({ describe, test, expect }, harness, { only: CORE }))
  })
})
