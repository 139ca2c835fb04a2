import { describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { knexHarness } from './knex-harness.ts'
import { mariadbWire } from './mariadb-wire.ts'

const address = requireServer('mariadb')

const LACKS = { transactions: 'the driver does not know, without asking, whether a transaction is open' }

address.describe('Knex on MariaDB', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await attachMariadb(address)
  })
  afterAll(() => server.stop())

  const runner = { describe, test, expect }
  testSupportMatrix(
    describeAdapter(
      runner,
      knexHarness({ name: 'Knex · mysql2, applied', way: 'applyPoolPolicy', wire: () => mariadbWire(server, 'mysql2'), lacks: LACKS }),
    ),
  )
  testSupportMatrix(
    describeAdapter(
      runner,
      knexHarness({ name: 'Knex · mysql', way: 'withPoolPolicy', wire: () => mariadbWire(server, 'mysql'), lacks: LACKS }),
    ),
  )
  testSupportMatrix(
    describeAdapter(
      runner,
      knexHarness({
        name: 'Knex · mariadb',
        way: 'withPoolPolicy',
        wire: () => mariadbWire(server, 'mariadb'),
        lacks: LACKS,
        cannot: { 'last-answer': 'the `mariadb` driver forgets the callbacks of a connection whose socket is ended' },
      }),
    ),
  )
})
