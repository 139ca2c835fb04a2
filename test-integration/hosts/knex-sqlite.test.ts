import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeAdapter } from '@poolkeeper/conformance'
import type { PoolPolicyOptions } from '@poolkeeper/core'
import { keeperOf, withPoolPolicy } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { testSupportMatrix } from '../support-matrix.ts'
import { knexHarness, type KnexWire, silent } from './knex-harness.ts'
import { sqliteWire } from './sqlite-wire.ts'

const folder = mkdtempSync(join(tmpdir(), 'poolkeeper-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const LACKS = {
  server: 'SQLite runs inside the process: there is no server that could die, and nothing to ask',
  network: 'SQLite runs inside the process: there is no network',
  login: 'SQLite has no users and no passwords',
  transactions: 'SQLite runs inside the process, and nobody else looks at its transactions',
  replacement: 'a connection to SQLite is the database itself, so nothing replaces it',
}

const wire = (): KnexWire => sqliteWire((label) => join(folder, `${label}.db`))

testSupportMatrix(
  describeAdapter(
    { describe, test, expect },
    knexHarness({ name: 'Knex · better-sqlite3', way: 'withPoolPolicy', wire, lacks: LACKS }),
  ),
)

describe('a database in memory', () => {
  async function openWithTable(policy: PoolPolicyOptions, pool: Knex.PoolConfig = {}): Promise<Knex> {
    const config = { client: 'better-sqlite3', connection: { filename: ':memory:' }, useNullAsDefault: true, pool }
    const db = knex(withPoolPolicy(silent(config), policy))
    onTestFinished(() => db.destroy())
    await db.schema.createTable('kept', (table) => table.integer('value'))
    await db('kept').insert({ value: 1 })
    return db
  }

  const countOf = async (db: Knex): Promise<unknown> => (await db('kept').count({ count: '*' }).first())?.count

  test('outlives every lifetime, number of uses and silence that a policy can name', async () => {
    const policy = {
      maxLifetimeMillis: 1_000,
      keepaliveMillis: false,
      maxUses: 1,
      validateAfterIdleMillis: 0,
      idleTimeoutMillis: 50,
    } as const
    const db = await openWithTable(policy, { min: 1, max: 1 })
    for (let use = 0; use < 5; use++) expect(await countOf(db)).toBe(1)
    await sleep(1_100)
    expect(await countOf(db)).toBe(1)
    const keeper = keeperOf(db)
    expect(keeper.policy).toMatchObject({ maxLifetimeMillis: false, maxUses: false, validateAfterIdleMillis: false })
    expect(keeper.stats()).toMatchObject({ opens: { ok: 1 }, idle: 1 })
    expect(Object.values(keeper.stats().closes).every((count) => count === 0)).toBe(true)
  })

  test('is not lost to an idle timeout or an eviction, also when `min` is 0', async () => {
    const db = await openWithTable({ min: 0, max: 1, idleTimeoutMillis: 50 })
    await sleep(300)
    expect(await countOf(db)).toBe(1)
    await keeperOf(db).evictIdle()
    expect(await countOf(db)).toBe(1)
  })

  test('refuses to be recycled, by type', async () => {
    const db = await openWithTable({})
    await expect(keeperOf(db).recycle()).rejects.toMatchObject({ code: 'UNSUPPORTED_HOST' })
    expect(await countOf(db)).toBe(1)
  })
})
