import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type BehaviourId, describeAdapter } from '@poolkeeper/conformance'
import { keeperOf, withPoolPolicy } from '@poolkeeper/knex'
import type { Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import versions from '../versions.json' with { type: 'json' }
import { knexHarness, type KnexWire, silent } from './knex-harness.ts'
import { postgresWire } from './postgres-wire.ts'

/** What touches the inside of Knex and of its tarn; the rest is decided in the core. */
const CORE: readonly BehaviourId[] = [
  'reuse',
  'handover',
  'dead-unseen',
  'dead-in-window',
  'half-open',
  'credentials',
  'max-uses',
  'hooks-fail',
  'observe',
  'host-errors',
  'misuse',
  'counters',
  'resize',
  'recycle',
  'drain',
  'host-close',
  'detach',
  'applied-twice',
]

const require = createRequire(import.meta.url)
const address = requireServer('postgres')

address.describe('Knex on PostgreSQL, version by version', () => {
  let server: PostgresServer
  const wire = (): KnexWire => postgresWire(server)

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  describe.each(versions.knex)('$version', ({ version, package: name }) => {
    const createKnex = require(name) as (config: Knex.Config) => Knex

    test('is what it should be', () => {
      const manifest = readFileSync(join(dirname(require.resolve(name)), 'package.json'), 'utf8')
      expect(JSON.parse(manifest)).toMatchObject({ name: 'knex', version })
    })

    test('takes a policy from its configuration', async () => {
      // An application has one copy of Knex; here the dialect of this one has to be named.
      const dialect = (createKnex({ client: 'pg' }).client as object).constructor as typeof Knex.Client
      const { target, config } = wire()
      if (target === undefined) throw new Error('no server')
      const db = createKnex(withPoolPolicy(silent({ ...(await config(target, 'versions')), client: dialect }), { max: 2 }))
      await db.raw('select 1')
      expect(keeperOf(db).stats()).toMatchObject({ max: 2, idle: 1, acquires: { ok: 1 } })
      await db.destroy()
    })

    const harness = knexHarness({ name: `Knex ${version}`, way: 'applyPoolPolicy', wire, createKnex })
    testSupportMatrix(describeAdapter({ describe, test, expect }, harness, { only: CORE }))
  })
})
