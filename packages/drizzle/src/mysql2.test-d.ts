import { relations } from 'drizzle-orm'
import { int, mysqlTable, text } from 'drizzle-orm/mysql-core'
import { drizzle, type MySql2Database } from 'drizzle-orm/mysql2'
import type { Connection, Pool, PoolOptions } from 'mysql2'
import type { Connection as PromiseConnection, Pool as PromisePool } from 'mysql2/promise'
import { describe, expectTypeOf, test } from 'vitest'
import { applyPoolPolicy, keeperOf, type PoolKeeper, withPoolPolicy } from './mysql2.ts'

const authors = mysqlTable('authors', { id: int('id').primaryKey(), name: text('name').notNull() })
const books = mysqlTable('books', { id: int('id').primaryKey(), authorId: int('author_id') })
const ofAuthors = relations(authors, ({ many }) => ({ books: many(books) }))
const schema = { authors, books, ofAuthors }

declare const pool: Pool
declare const promisePool: PromisePool
declare const connection: Connection
declare const promiseConnection: PromiseConnection
declare const options: PoolOptions
const url = 'mysql://localhost/app'

describe('withPoolPolicy', () => {
  test('takes every form that drizzle() takes, and gives the same database', () => {
    expectTypeOf(drizzle(withPoolPolicy(url))).toEqualTypeOf(drizzle(url))
    expectTypeOf(drizzle(withPoolPolicy({ connection: url }))).toEqualTypeOf(drizzle({ connection: url }))
    expectTypeOf(drizzle(withPoolPolicy({ connection: options }))).toEqualTypeOf(drizzle({ connection: options }))
    expectTypeOf(drizzle(withPoolPolicy({ client: pool }))).toEqualTypeOf(drizzle({ client: pool }))
    expectTypeOf(drizzle({ ...withPoolPolicy({ client: promisePool }) })).toEqualTypeOf(drizzle({ client: promisePool }))
    expectTypeOf(drizzle({ ...withPoolPolicy(promisePool) }).$client).toEqualTypeOf<PromisePool>()
    expectTypeOf(drizzle(withPoolPolicy({ connection: { uri: url, connectionLimit: 3 } }, { max: 3 })).$client).toEqualTypeOf<Pool>()
  })

  test('schema, relations and mode are known', () => {
    const db = drizzle(withPoolPolicy({ connection: url, schema, mode: 'default', casing: 'snake_case', logger: true }))
    expectTypeOf(db).toEqualTypeOf<MySql2Database<typeof schema> & { $client: Pool }>()
    const find = async () => (await db.query.authors.findMany({ with: { books: true } }))[0]?.books[0]?.authorId
    expectTypeOf(find).returns.resolves.toEqualTypeOf<number | null | undefined>()
    const given = drizzle({ ...withPoolPolicy({ client: promisePool, schema, mode: 'planetscale' }) })
    expectTypeOf(given).toEqualTypeOf<MySql2Database<typeof schema> & { $client: PromisePool }>()
  })

  test('what drizzle() refuses is refused', () => {
    // @ts-expect-error a single connection is no pool
    withPoolPolicy({ client: connection })
    // @ts-expect-error neither here
    withPoolPolicy(connection)
    // @ts-expect-error nor here
    withPoolPolicy(promiseConnection)
    // @ts-expect-error a schema asks for its mode
    withPoolPolicy({ connection: url, schema })
    // @ts-expect-error there is no such key
    withPoolPolicy({ connection: url, shema: schema })
    // @ts-expect-error the rest of the configuration belongs into the first argument of withPoolPolicy
    drizzle(withPoolPolicy(url), { schema, mode: 'default' })
    // @ts-expect-error there is no such option
    withPoolPolicy({ connection: url }, { keepAlive: 1 })
  })
})

test('applyPoolPolicy and keeperOf take a database of any schema', () => {
  expectTypeOf(applyPoolPolicy(drizzle(pool, { schema, mode: 'default' }), { max: 5 })).toEqualTypeOf<PoolKeeper>()
  expectTypeOf(keeperOf(drizzle({ client: promisePool }))).toEqualTypeOf<PoolKeeper>()
  // @ts-expect-error this is none of Drizzle's
  applyPoolPolicy(pool)
})
