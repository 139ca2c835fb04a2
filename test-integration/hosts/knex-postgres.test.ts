import { type BehaviourId, describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, expect, describe, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { knexHarness, type KnexWire } from './knex-harness.ts'
import { postgresWire } from './postgres-wire.ts'

/** The way in differs, and the rest is the same code: the behaviours that the way in could break. */
const APPLIED: readonly BehaviourId[] = [
  'reuse',
  'strict-max',
  'check-window',
  'dead-unseen',
  'half-open',
  'min-and-ready',
  'observe',
  'host-errors',
  'misuse',
  'counters',
  'drain',
  'host-close',
  'detach',
  'applied-twice',
]

const address = requireServer('postgres')

address.describe('Knex on PostgreSQL', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  const wire = (): KnexWire => postgresWire(server)
  const runner = { describe, test, expect }
  testSupportMatrix(describeAdapter(runner, knexHarness({ name: 'Knex · pg', way: 'withPoolPolicy', wire })))
  testSupportMatrix(
    describeAdapter(runner, knexHarness({ name: 'Knex · pg, applied', way: 'applyPoolPolicy', wire }), { only: APPLIED }),
  )
})
