import { describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { genericPoolHarness } from './generic-pool-harness.ts'
import { clientsOfPg } from './generic-pool-of-pg.ts'

const address = requireServer('postgres')

address.describe('A pool of generic-pool, of clients of pg', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  const harness = genericPoolHarness({ name: 'generic-pool · pg', source: () => clientsOfPg(server) })
  testSupportMatrix(describeAdapter({ describe, test, expect }, harness))
})
