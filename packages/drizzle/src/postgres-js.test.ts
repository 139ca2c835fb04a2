import { integer, pgTable } from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { applyPoolPolicy, keeperOf, withPoolPolicy } from './postgres-js.ts'

const url = 'postgres://nobody@127.0.0.1:1/none'
const schema = { users: pgTable('users', { id: integer('id') }) }
const refused: unknown = expect.objectContaining({ code: 'UNSUPPORTED_HOST' })

describe('withPoolPolicy', () => {
  test.for([
    { form: 'a URL', make: () => withPoolPolicy(url, { max: 3 }) },
    { form: 'a URL as connection', make: () => withPoolPolicy({ connection: url }, { max: 3 }) },
    { form: 'options with a URL', make: () => withPoolPolicy({ connection: { url } }, { max: 3 }) },
    {
      form: 'options without',
      make: () => withPoolPolicy({ connection: { host: '127.0.0.1', port: 1, user: 'nobody', database: 'none' } }, { max: 3 }),
    },
  ])('$form becomes an instance in which the policy stands', ({ make }) => {
    const config = make()
    expect(config.client.options).toMatchObject({ host: ['127.0.0.1'], port: [1], user: 'nobody', database: 'none', max: 3 })
    expect(keeperOf(drizzle(config)).policy.max).toBe(3)
  })

  test('the rest of the configuration stays as it is, and so do the options', () => {
    const connection = { url, max: 7 }
    const { client, ...rest } = withPoolPolicy({ connection, schema, casing: 'snake_case' })
    expect(rest).toEqual({ schema, casing: 'snake_case' })
    expect(connection).toEqual({ url, max: 7 })
    expect(keeperOf(drizzle({ client })).policy.max).toBe(7)
  })

  test('an instance that is there is taken, alone or in a configuration', () => {
    const sql = postgres(url)
    expect(withPoolPolicy(sql, { acquireTimeoutMillis: 5_000 })).toEqual({ client: sql })
    const config = withPoolPolicy({ client: sql, schema }, { acquireTimeoutMillis: 5_000 })
    expect(config.client).toBe(sql)
    expect(keeperOf(drizzle(config)).policy.acquireTimeoutMillis).toBe(5_000)
  })

  test('a policy that cannot be is told before anything is touched', () => {
    const sql = postgres(url)
    expect(() => withPoolPolicy({ client: sql }, { max: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_POLICY' }))
    expect(() => keeperOf(drizzle(sql))).toThrow(expect.objectContaining({ code: 'NOT_APPLIED' }))
  })
})

describe('applyPoolPolicy', () => {
  test('attends the instance of a database that is there; the same again is the same keeper', () => {
    const db = drizzle({ connection: url, schema })
    const keeper = applyPoolPolicy(db, { acquireTimeoutMillis: 4_000 })
    expect(applyPoolPolicy(db, { acquireTimeoutMillis: 4_000 })).toBe(keeper)
    expect(keeperOf(db)).toBe(keeper)
  })

  test('refuses what has no instance below it', () => {
    expect(() => applyPoolPolicy(drizzle.mock() as never)).toThrow(refused)
    expect(() => applyPoolPolicy(postgres(url) as never)).toThrow(refused)
  })
})
