import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type BehaviourId, describeAdapter } from '@poolkeeper/conformance'
import type { createPool } from 'generic-pool'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import versions from '../versions.json' with { type: 'json' }
import { genericPoolHarness } from './generic-pool-harness.ts'
import { clientsOfPg } from './generic-pool-of-pg.ts'

/** What touches the inside of generic-pool; the rest is decided in the core. */
const CORE: readonly BehaviourId[] = [
  'reuse',
  'strict-max',
  'handover',
  'proof',
  'dead-seen',
  'dead-unseen',
  'connect-refused',
  'connect-late',
  'max-uses',
  'idle-timeout',
  'host-errors',
  'misuse',
  'counters',
  'resize',
  'drain',
  'host-close',
  'detach',
  'applied-twice',
]

const require = createRequire(import.meta.url)
const address = requireServer('postgres')

address.describe('A pool of generic-pool, version by version', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  describe.each(versions['generic-pool'])('$version', ({ version, package: name }) => {
    const other = require(name) as { createPool: typeof createPool }

    test('is what it should be', () => {
      const manifest: unknown = JSON.parse(readFileSync(join(dirname(require.resolve(name)), 'package.json'), 'utf8'))
      expect(manifest).toMatchObject({ name: 'generic-pool', version })
    })

    const harness = genericPoolHarness({
      name: `generic-pool ${version}`,
      source: () => clientsOfPg(server),
      create: other.createPool,
    })
    testSupportMatrix(describeAdapter({ describe, test, expect }, harness, { only: CORE }))
  })
})
