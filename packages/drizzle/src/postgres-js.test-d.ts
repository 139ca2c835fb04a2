import { relations } from 'drizzle-orm'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Options, Sql } from 'postgres'
import { describe, expectTypeOf, test } from 'vitest'
import { applyPoolPolicy, keeperOf, type PoolKeeper, withPoolPolicy } from './postgres-js.ts'

const authors = pgTable('authors', { id: integer('id').primaryKey(), name: text('name').notNull() })
const books = pgTable('books', { id: integer('id').primaryKey(), authorId: integer('author_id') })
const ofAuthors = relations(authors, ({ many }) => ({ books: many(books) }))
const schema = { authors, books, ofAuthors }

declare const sql: Sql
declare const typedSql: Sql<{ point: readonly number[] }>
declare const options: Options<Record<string, never>>
const url = 'postgres://localhost/app'

describe('withPoolPolicy', () => {
  test('takes every form that drizzle() takes, and gives the same database', () => {
    expectTypeOf(drizzle(withPoolPolicy(url))).toEqualTypeOf(drizzle(url))
    expectTypeOf(drizzle(withPoolPolicy({ connection: url }))).toEqualTypeOf(drizzle({ connection: url }))
    expectTypeOf(drizzle(withPoolPolicy({ connection: options }))).toEqualTypeOf(drizzle({ connection: options }))
    expectTypeOf(drizzle(withPoolPolicy({ connection: { url, max: 3 } }, { max: 3 })).$client).toEqualTypeOf<Sql>()
    expectTypeOf(drizzle(withPoolPolicy({ client: sql }))).toEqualTypeOf(drizzle({ client: sql }))
    expectTypeOf(drizzle(withPoolPolicy(sql))).toEqualTypeOf(drizzle(sql))
  })

  test('an instance that knows types of its own stays that', () => {
    const config = { client: typedSql }
    expectTypeOf(drizzle({ ...withPoolPolicy(config) })).toEqualTypeOf(drizzle({ client: typedSql }))
  })

  test('schema and relations are known', () => {
    const db = drizzle(withPoolPolicy({ connection: { url }, schema, casing: 'snake_case', logger: true }))
    expectTypeOf(db).toEqualTypeOf<PostgresJsDatabase<typeof schema> & { $client: Sql }>()
    const find = async () => (await db.query.authors.findMany({ with: { books: true } }))[0]?.books[0]?.authorId
    expectTypeOf(find).returns.resolves.toEqualTypeOf<number | null | undefined>()
  })

  test('what drizzle() refuses is refused', () => {
    // @ts-expect-error there is no such key
    withPoolPolicy({ connection: url, shema: schema })
    // @ts-expect-error the rest of the configuration belongs into the first argument of withPoolPolicy
    drizzle(withPoolPolicy(url), { schema })
    // @ts-expect-error there is no such option
    withPoolPolicy({ connection: url }, { keepAlive: 1 })
  })
})

test('applyPoolPolicy and keeperOf take a database of any schema', () => {
  expectTypeOf(applyPoolPolicy(drizzle(sql, { schema }), { keepaliveMillis: 5_000 })).toEqualTypeOf<PoolKeeper>()
  expectTypeOf(keeperOf(drizzle({ connection: url, schema }))).toEqualTypeOf<PoolKeeper>()
})
