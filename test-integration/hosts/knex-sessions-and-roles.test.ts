import { findPoolkeeperError, keeperOf, withPoolPolicy, type PoolEvent, type PoolPolicyOptions } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { startPostgres, type PostgresServer } from '../harness/postgres.ts'

let db: Knex

function open(client: 'pg' | 'mysql2', connection: string, policy: PoolPolicyOptions, max = 2): PoolEvent[] {
  const events: PoolEvent[] = []
  db = knex(withPoolPolicy({ client, connection, acquireConnectionTimeout: 5_000, pool: { min: 0, max } }, policy))
  keeperOf(db).subscribe((event) => events.push(event))
  return events
}

const typesOf = (events: readonly PoolEvent[]): string[] => events.map(({ type }) => type)
const patience = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

afterEach(() => db.destroy())

describe('Knex on PostgreSQL', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await startPostgres({ settings: {} })
  })

  afterAll(() => server.stop())

  test('P-120: what comes back in an open transaction is rolled back before it is lent again', async () => {
    const events = open('pg', server.url, {})
    await db.raw('begin')
    const { rows } = await db.raw<{ rows: unknown[] }>('select now() = statement_timestamp() as alone')
    expect(rows).toEqual([{ alone: true }])
    expect(events.find(({ type }) => type === 'dirtyReturn')).toMatchObject({ status: 'open' })
    expect(typesOf(events)).not.toContain('closed')
  })

  test('P-121: what comes back in a failed transaction serves the next caller', async () => {
    const events = open('pg', server.url, {})
    const connection = (await db.client.acquireConnection()) as { query(text: string): Promise<unknown> }
    await connection.query('begin')
    await expect(connection.query('select nonsense')).rejects.toThrow('nonsense')
    await db.client.releaseConnection(connection)
    await db.raw('select 1')
    expect(events.find(({ type }) => type === 'dirtyReturn')).toMatchObject({ status: 'failed' })
    expect(typesOf(events)).not.toContain('closed')
  })

  test('in a pool of one, a transaction in single statements is reported, and left alone', async () => {
    const events = open('pg', server.url, {}, 1)
    await db.raw('begin')
    const { rows } = await db.raw<{ rows: unknown[] }>('select now() = statement_timestamp() as alone')
    await db.raw('rollback')
    expect(rows).toEqual([{ alone: false }])
    expect(typesOf(events)).toContain('dirtyReturn')
  })

  test('P-123: a session is reset before it is lent again, when the policy asks for it', async () => {
    open('pg', server.url, { onReturn: 'reset' }, 1)
    await db.raw(`set work_mem = '77MB'`)
    const { rows } = await db.raw<{ rows: { work_mem: string }[] }>('show work_mem')
    expect(rows[0]?.work_mem).not.toBe('77MB')
  })

  test('P-123: so is one that comes back in an open transaction, and its connection is kept', async () => {
    open('pg', server.url, { onReturn: 'reset' }, 1)
    await db.raw('begin')
    await db.raw(`set work_mem = '77MB'`)
    const { rows } = await db.raw<{ rows: { work_mem: string }[] }>('show work_mem')
    expect(rows[0]?.work_mem).not.toBe('77MB')
    expect(keeperOf(db).stats().closes.resetFailed).toBe(0)
  })

  test('P-166: a paused pool lets callers wait, or answers them, and serves them in order afterwards', async () => {
    open('pg', server.url, {}, 1)
    const keeper = keeperOf(db)
    await db.raw('select 1')
    const served: number[] = []
    keeper.pause()
    const waiting = [1, 2, 3].map((caller) => db.raw('select 1').then(() => served.push(caller)))
    await patience(50)
    expect([served, keeper.health().status]).toEqual([[], 'down'])
    expect(keeper.explain().waiters).toHaveLength(3)
    keeper.resume()
    await Promise.all(waiting)
    expect(served).toEqual([1, 2, 3])
    keeper.pause({ waiters: 'fail' })
    const error: unknown = await db.raw('select 1').catch((reason: unknown) => reason)
    expect(findPoolkeeperError(error)?.code).toBe('PAUSED')
    keeper.resume()
    await db.raw('select 1')
  })
})

describe('Knex on MariaDB', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await startMariadb({ settings: {} })
  })

  afterAll(() => server.stop())

  test('P-123: a session is reset before it is lent again, when the policy asks for it', async () => {
    open('mysql2', server.url, { onReturn: 'reset' }, 1)
    await db.raw('set @left_behind = 1')
    const [rows] = await db.raw<[unknown[]]>('select @left_behind as leftBehind')
    expect(rows).toEqual([{ leftBehind: null }])
  })
})
