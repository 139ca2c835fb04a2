import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { applyPoolPolicy, keeperOf, withPoolPolicy } from './node-postgres.ts'

const url = 'postgres://nobody@127.0.0.1:1/none'
const schema = { users: pgTable('users', { id: integer('id') }) }

describe('withPoolPolicy', () => {
  test('a URL becomes the pool that Drizzle makes of it', () => {
    const config = withPoolPolicy(url, { max: 3 })
    expect(config).toEqual({ client: expect.any(pg.Pool) })
    expect(config.client.options).toMatchObject({ connectionString: url })
    expect(keeperOf(drizzle(config)).policy.max).toBe(3)
  })

  test('a connection becomes a pool, and the rest of the configuration stays as it is', () => {
    const logger = { logQuery: () => {} }
    const connection = { connectionString: url, max: 7 }
    const { client, ...rest } = withPoolPolicy({ connection, schema, logger, casing: 'snake_case' })
    expect(rest).toEqual({ schema, logger, casing: 'snake_case' })
    expect(rest.schema).toBe(schema)
    expect(client).toBeInstanceOf(pg.Pool)
    expect(keeperOf(drizzle({ client })).policy).toMatchObject({ max: 7, sources: { max: 'host' } })
  })

  test('each call makes a pool of its own', () => {
    const config = { connection: url }
    expect(withPoolPolicy(config).client).not.toBe(withPoolPolicy(config).client)
    expect(config).toEqual({ connection: url })
  })

  test('a pool that is there is taken, alone or in a configuration', () => {
    const pool = new pg.Pool({ connectionString: url })
    expect(withPoolPolicy(pool, { max: 2 })).toEqual({ client: pool })
    const config = withPoolPolicy({ client: pool, schema }, { max: 2 })
    expect(config).toEqual({ client: pool, schema })
    const db = drizzle(config)
    expect(db.$client).toBe(pool)
    expect(keeperOf(db).policy.max).toBe(2)
    expect(keeperOf(drizzle(pool))).toBe(keeperOf(db))
  })

  test('a policy that cannot be is told before anything is touched', () => {
    const pool = new pg.Pool({ connectionString: url })
    expect(() => withPoolPolicy({ client: pool }, { max: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_POLICY' }))
    expect(() => keeperOf(drizzle(pool))).toThrow(expect.objectContaining({ code: 'NOT_APPLIED' }))
  })

  test('another policy on the same pool is refused', () => {
    const { client } = withPoolPolicy(url, { max: 3 })
    expect(() => withPoolPolicy({ client }, { max: 4 })).toThrow(expect.objectContaining({ code: 'ALREADY_APPLIED' }))
  })

  test('a single client is refused', () => {
    const client = new pg.Client(url)
    const refused = expect.objectContaining({ code: 'UNSUPPORTED_HOST' })
    expect(() => withPoolPolicy(client as unknown as pg.Pool)).toThrow(refused)
    expect(() => withPoolPolicy({ client: client as unknown as pg.Pool })).toThrow(refused)
  })
})

describe('applyPoolPolicy', () => {
  test('attends the pool of a database that is there; the same again is the same keeper', () => {
    const db = drizzle({ connection: url, schema })
    const keeper = applyPoolPolicy(db, { max: 4 })
    expect(applyPoolPolicy(db, { max: 4 })).toBe(keeper)
    expect(keeperOf(db)).toBe(keeper)
    expect(() => applyPoolPolicy(db, { max: 5 })).toThrow(expect.objectContaining({ code: 'ALREADY_APPLIED' }))
    keeper.detach()
    expect(() => keeperOf(db)).toThrow(expect.objectContaining({ code: 'NOT_APPLIED' }))
  })

  test('refuses what has no pool below it', () => {
    const refused = expect.objectContaining({ code: 'UNSUPPORTED_HOST' })
    expect(() => applyPoolPolicy(drizzle(new pg.Client(url)))).toThrow(refused)
    expect(() => applyPoolPolicy(drizzle.mock() as never)).toThrow(refused)
    expect(() => applyPoolPolicy(new pg.Pool() as never)).toThrow(refused)
    expect(() => applyPoolPolicy(undefined as never)).toThrow(refused)
  })
})
