import { drizzle } from 'drizzle-orm/mysql2'
import { int, mysqlTable } from 'drizzle-orm/mysql-core'
import { createPool, type Pool } from 'mysql2'
import { createPool as createPromisePool, type Pool as PromisePool } from 'mysql2/promise'
import { describe, expect, test } from 'vitest'
import { applyPoolPolicy, keeperOf, withPoolPolicy } from './mysql2.ts'

const url = 'mysql://nobody@127.0.0.1:1/none'
const schema = { users: mysqlTable('users', { id: int('id') }) }
const refused: unknown = expect.objectContaining({ code: 'UNSUPPORTED_HOST' })

/** What mysql2 understood of the options that Drizzle gave it. */
function settingsOf(pool: Pool | PromisePool): object {
  const { config } = pool as unknown as { config: { connectionConfig: object } }
  return config.connectionConfig
}

describe('withPoolPolicy', () => {
  test('a URL becomes the pool that Drizzle makes of it, with what it sets itself', () => {
    for (const [config, own] of [
      [withPoolPolicy(url, { max: 3 }), drizzle(url)],
      [withPoolPolicy({ connection: url }, { max: 3 }), drizzle({ connection: url })],
    ] as const) {
      const settings = settingsOf(config.client)
      const expected = settingsOf(own.$client)
      expect(settings).toMatchObject({ host: '127.0.0.1', port: 1, user: 'nobody', database: 'none' })
      expect(settings).toHaveProperty('supportBigNumbers', (expected as { supportBigNumbers: boolean }).supportBigNumbers)
      expect(keeperOf(drizzle(config)).policy.max).toBe(3)
    }
  })

  test('a connection becomes a pool, and the rest of the configuration stays as it is', () => {
    const connection = { uri: url, connectionLimit: 7 }
    const { client, ...rest } = withPoolPolicy({ connection, schema, mode: 'default', casing: 'snake_case' })
    expect(rest).toEqual({ schema, mode: 'default', casing: 'snake_case' })
    expect(keeperOf(drizzle({ client })).policy).toMatchObject({ max: 7, sources: { max: 'host' } })
  })

  test.for([
    { face: 'callback', pool: createPool(url) },
    { face: 'promise', pool: createPromisePool(url) },
  ])('a $face pool that is there is taken, alone or in a configuration', ({ pool }) => {
    expect(withPoolPolicy(pool, { max: 2 })).toEqual({ client: pool })
    const config = withPoolPolicy({ client: pool, schema, mode: 'default' }, { max: 2 })
    expect(config).toEqual({ client: pool, schema, mode: 'default' })
    const db = drizzle(config)
    expect(db.$client).toBe(pool)
    expect(keeperOf(db).policy.max).toBe(2)
  })

  test('a policy that cannot be is told before anything is touched', () => {
    const pool = createPool(url)
    expect(() => withPoolPolicy({ client: pool }, { max: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_POLICY' }))
    expect(() => keeperOf(drizzle(pool))).toThrow(expect.objectContaining({ code: 'NOT_APPLIED' }))
  })
})

describe('applyPoolPolicy', () => {
  test('attends the pool of a database that is there; the same again is the same keeper', () => {
    const db = drizzle({ connection: url, schema, mode: 'default' })
    const keeper = applyPoolPolicy(db, { max: 4 })
    expect(applyPoolPolicy(db, { max: 4 })).toBe(keeper)
    expect(keeperOf(db)).toBe(keeper)
    expect(() => applyPoolPolicy(db, { max: 5 })).toThrow(expect.objectContaining({ code: 'ALREADY_APPLIED' }))
  })

  test('refuses what has no pool below it', () => {
    expect(() => applyPoolPolicy(drizzle.mock() as never)).toThrow(refused)
    expect(() => applyPoolPolicy(createPool(url) as never)).toThrow(refused)
    expect(() => applyPoolPolicy({ $client: {} } as never)).toThrow(refused)
  })
})
