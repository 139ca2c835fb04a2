import { describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { pgHarness } from './pg-harness.ts'

const address = requireServer('postgres')

address.describe('A pool of pg on PostgreSQL', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  testSupportMatrix(describeAdapter({ describe, test, expect }, pgHarness({ name: 'pg-pool', server: () => server })))
})
