import { describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { drizzleMysql2 } from './drizzle-mysql2-harness.ts'
import { APPLIED } from './drizzle-ways.ts'

const address = requireServer('mariadb')

address.describe('Drizzle on MariaDB', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await attachMariadb(address)
  })
  afterAll(() => server.stop())

  const runner = { describe, test, expect }
  const common = { server: () => server }
  testSupportMatrix(
    describeAdapter(runner, drizzleMysql2({ ...common, name: 'Drizzle · mysql2', way: 'withPoolPolicy', trip: 'execute' })),
  )
  testSupportMatrix(
    describeAdapter(
      runner,
      drizzleMysql2({ ...common, name: 'Drizzle · mysql2, applied', way: 'applyPoolPolicy', trip: 'transaction' }),
      { only: APPLIED },
    ),
  )
})
