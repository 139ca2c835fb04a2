import { describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { drizzleNodePostgres } from './drizzle-node-postgres-harness.ts'
import { drizzlePostgresJs } from './drizzle-postgres-js-harness.ts'
import { APPLIED } from './drizzle-ways.ts'
import { CANNOT } from './postgres-js-cannot.ts'

const address = requireServer('postgres')

address.describe('Drizzle on PostgreSQL', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  const runner = { describe, test, expect }
  const common = { server: () => server }
  testSupportMatrix(
    describeAdapter(
      runner,
      drizzleNodePostgres({ ...common, name: 'Drizzle · node-postgres', way: 'withPoolPolicy', trip: 'execute' }),
    ),
  )
  testSupportMatrix(
    describeAdapter(
      runner,
      drizzleNodePostgres({ ...common, name: 'Drizzle · node-postgres, applied', way: 'applyPoolPolicy', trip: 'transaction' }),
      { only: APPLIED },
    ),
  )
  testSupportMatrix(
    describeAdapter(
      runner,
      drizzlePostgresJs({ ...common, name: 'Drizzle · postgres-js', way: 'withPoolPolicy', trip: 'execute', cannot: CANNOT }),
    ),
  )
})
