import { describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { type FaceName, mysql2Harness } from './mysql2-harness.ts'

const address = requireServer('mariadb')

address.describe('mysql2 on MariaDB', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await attachMariadb(address)
  })
  afterAll(() => server.stop())

  const runner = { describe, test, expect }
  const faces: Readonly<Record<string, FaceName>> = {
    'mysql2 · callback pool': 'callback',
    'mysql2 · promise pool': 'promise',
    'mysql2 · PoolCluster': 'cluster',
  }
  const cannot = { foresight: 'a PoolCluster is several pools, and a history is of one' }
  for (const [name, face] of Object.entries(faces)) {
    const options = { name, face, server: () => server, ...(face === 'cluster' && { cannot }) }
    testSupportMatrix(describeAdapter(runner, mysql2Harness(options)))
  }
})
