import { findPoolkeeperError } from '@poolkeeper/core'
import { keeperOf, withPoolPolicy, type PoolPolicyOptions } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { silent } from './knex-harness.ts'

const postgres = requireServer('postgres')
const mariadb = requireServer('mariadb')

interface Address {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly password?: string
}

interface Wrong {
  readonly what: string
  readonly settings: Partial<Address>
  /** As the server says it. */
  readonly error: object
}

/** What does not get better by itself is told at once, however patient the policy is. */
function describeCredentials(client: string, address: () => Address, wrong: readonly Wrong[]): void {
  function open(settings: Partial<Address>, policy: PoolPolicyOptions): Knex {
    const { host, port, user, database } = address()
    const connection = { host, port, user, database, ...settings }
    const db = knex(withPoolPolicy(silent({ client, connection }), { max: 2, acquireTimeoutMillis: 10_000, ...policy }))
    onTestFinished(() => db.destroy())
    return db
  }

  test.each(wrong)('$what is the answer at once, also with createRetry', async ({ settings, error }) => {
    const db = open(settings, { createRetry: true })
    const startedAt = performance.now()
    const answers = await Promise.allSettled([db.raw('select 1'), db.raw('select 1'), db.raw('select 1')])
    expect(performance.now() - startedAt).toBeLessThan(3_000)
    expect(answers).toMatchObject(answers.map(() => ({ status: 'rejected', reason: error })))
    expect(keeperOf(db).stats()).toMatchObject({ opens: { ok: 0 }, acquires: { failed: 3, timedOut: 0 } })
  })

  test.each(wrong)('P-105: $what opens the circuit, and is the cause for all who come then', async ({ settings, error }) => {
    const db = open(settings, { circuit: 1, createBackoff: { firstMillis: 60_000, longestMillis: 60_000 } })
    await expect(db.raw('select 1')).rejects.toMatchObject(error)
    const answers = await Promise.allSettled([db.raw('select 1'), db.raw('select 1')])
    for (const answer of answers) {
      const ours = findPoolkeeperError((answer as PromiseRejectedResult).reason)
      expect(ours).toMatchObject({ code: 'CIRCUIT_OPEN', cause: error })
    }
    expect(keeperOf(db).stats()).toMatchObject({ opens: { failed: 1 }, circuit: 'open' })
  })
}

postgres.describe('what PostgreSQL does not let in', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(postgres)
  })
  afterAll(() => server.stop())

  describeCredentials('pg', () => server, [
    { what: 'a database that is not there', settings: { database: 'nobody_made_it' }, error: { code: '3D000' } },
    { what: 'a user who is not there', settings: { user: 'nobody' }, error: { code: '28000' } },
  ])
})

mariadb.describe('what MariaDB does not let in', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await attachMariadb(mariadb)
  })
  afterAll(() => server.stop())

  describeCredentials('mysql2', () => server, [
    { what: 'a database that the user may not see', settings: { database: 'nobody_made_it' }, error: { errno: 1044 } },
    { what: 'a wrong password', settings: { user: 'nobody', password: 'wrong' }, error: { errno: 1045 } },
  ])
})
