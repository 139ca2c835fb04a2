import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describeAdapter } from '@poolkeeper/conformance'
import type { Pool, PoolConfig } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import versions from '../versions.json' with { type: 'json' }
import { CORE } from './pg-core-behaviours.ts'
import { pgHarness } from './pg-harness.ts'

const require = createRequire(import.meta.url)
const address = requireServer('postgres')

address.describe('A pool of pg on PostgreSQL, version by version', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  describe.each(versions.pg)('$version', ({ version, pool, package: name }) => {
    const { Pool: OtherPool } = require(name) as { Pool: new (config: PoolConfig) => Pool }

    test('is what it should be', () => {
      const manifestOf = (main: string): string => readFileSync(join(dirname(main), 'package.json'), 'utf8')
      const main = join(dirname(require.resolve(name)), '..', 'package.json')
      expect(JSON.parse(manifestOf(main))).toMatchObject({ name: 'pg', version })
      const poolMain = createRequire(main).resolve('pg-pool')
      expect(JSON.parse(manifestOf(poolMain))).toMatchObject({ name: 'pg-pool', version: pool })
    })

    const harness = pgHarness({ name: `pg ${version}`, server: () => server, createPool: (config) => new OtherPool(config) })
    testSupportMatrix(describeAdapter({ describe, test, expect }, harness, { only: CORE }))
  })
})
