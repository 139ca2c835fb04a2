import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type BehaviourId, describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import versions from '../versions.json' with { type: 'json' }
import { mysql2Copy, mysql2Harness } from './mysql2-harness.ts'

/** What touches the inside of mysql2; the rest is decided in the core. */
const CORE: readonly BehaviourId[] = [
  'reuse',
  'handover',
  'dead-seen',
  'dead-unseen',
  'dead-in-window',
  'half-open',
  'connect-late',
  'dirty-return',
  'max-uses',
  'host-errors',
  'misuse',
  'counters',
  'resize',
  'recycle',
  'drain',
  'host-close',
  'last-answer',
  'detach',
  'applied-twice',
]

const require = createRequire(import.meta.url)
const address = requireServer('mariadb')

address.describe('mysql2 on MariaDB, version by version', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await attachMariadb(address)
  })
  afterAll(() => server.stop())

  describe.each(versions.mysql2)('$version', ({ version, package: name }) => {
    test('is what it should be', () => {
      const manifest = readFileSync(join(dirname(require.resolve(name)), 'package.json'), 'utf8')
      expect(JSON.parse(manifest)).toMatchObject({ name: 'mysql2', version })
    })

    const harness = mysql2Harness({ name: `mysql2 ${version}`, face: 'promise', server: () => server, module: mysql2Copy(name) })
    testSupportMatrix(describeAdapter({ describe, test, expect }, harness, { only: CORE }))
  })
})
