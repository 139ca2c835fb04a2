import { describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, expect, describe, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { knexHarness } from './knex-harness.ts'
import { postgresWire } from './postgres-wire.ts'

const address = requireServer('postgres')

address.describe('Knex on PostgreSQL', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  describeAdapter(
    { describe, test, expect },
    knexHarness({ name: 'Knex · pg', way: 'withPoolPolicy', wire: () => postgresWire(server) }),
  )
})
