import { describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { CANNOT } from './postgres-js-cannot.ts'
import { postgresJsHarness } from './postgres-js-harness.ts'

const address = requireServer('postgres')

address.describe('postgres.js', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  const harness = postgresJsHarness({ name: 'postgres.js', server: () => server, cannot: CANNOT })
  testSupportMatrix(describeAdapter({ describe, test, expect }, harness))
})
