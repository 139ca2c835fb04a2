import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type BehaviourId, describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import versions from '../versions.json' with { type: 'json' }
import { type Postgres, postgresJsHarness } from './postgres-js-harness.ts'

/** What touches the inside of postgres.js; the rest is decided in the core. */
const CORE: readonly BehaviourId[] = ['dead-seen', 'dead-unseen', 'half-open', 'slow-server', 'recycle', 'drain', 'detach', 'applied-twice']

const require = createRequire(import.meta.url)
const address = requireServer('postgres')

address.describe('postgres.js, version by version', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  describe.each(versions.postgres)('$version', ({ version, package: name }) => {
    const create = require(name) as Postgres

    test('is what it should be', () => {
      const manifest = readFileSync(join(dirname(require.resolve(name)), '../../package.json'), 'utf8')
      expect(JSON.parse(manifest)).toMatchObject({ name: 'postgres', version })
    })

    const harness = postgresJsHarness({ name: `postgres.js ${version}`, server: () => server, create })
    testSupportMatrix(describeAdapter({ describe, test, expect }, harness, { only: CORE }))
  })
})
