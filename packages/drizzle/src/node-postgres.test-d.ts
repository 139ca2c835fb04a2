import { relations } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { type Client, Pool, type PoolConfig } from 'pg'
import { describe, expectTypeOf, test } from 'vitest'
import { applyPoolPolicy, keeperOf, type PoolKeeper, withPoolPolicy } from './node-postgres.ts'

const authors = pgTable('authors', { id: integer('id').primaryKey(), name: text('name').notNull() })
const books = pgTable('books', { id: integer('id').primaryKey(), authorId: integer('author_id') })
const ofAuthors = relations(authors, ({ many }) => ({ books: many(books) }))
const schema = { authors, books, ofAuthors }

declare const pool: Pool
declare const client: Client
declare const options: PoolConfig
declare class OwnPool extends Pool {
  readonly own: boolean
}
declare const ownPool: OwnPool
const url = 'postgres://localhost/app'

describe('withPoolPolicy', () => {
  test('takes every form that drizzle() takes, and gives the same database', () => {
    expectTypeOf(drizzle(withPoolPolicy(url))).toEqualTypeOf(drizzle(url))
    expectTypeOf(drizzle(withPoolPolicy({ connection: url }))).toEqualTypeOf(drizzle({ connection: url }))
    expectTypeOf(drizzle(withPoolPolicy({ connection: options }))).toEqualTypeOf(drizzle({ connection: options }))
    expectTypeOf(drizzle(withPoolPolicy({ client: pool }))).toEqualTypeOf(drizzle({ client: pool }))
    expectTypeOf(drizzle(withPoolPolicy(pool))).toEqualTypeOf(drizzle(pool))
    expectTypeOf(drizzle(withPoolPolicy({ connection: { connectionString: url, max: 3 } }, { max: 3 })).$client).toEqualTypeOf<Pool>()
  })

  test('a pool of a class of its own stays that, where drizzle() itself sees it', () => {
    const config = { client: ownPool }
    expectTypeOf(drizzle(withPoolPolicy(config))).toEqualTypeOf(drizzle(config))
    expectTypeOf(drizzle({ ...withPoolPolicy(config) })).toEqualTypeOf(drizzle({ client: ownPool }))
    expectTypeOf(drizzle({ ...withPoolPolicy(ownPool) }).$client.own).toEqualTypeOf<boolean>()
  })

  test('schema and relations are known', () => {
    const db = drizzle(withPoolPolicy({ connection: url, schema, casing: 'snake_case', logger: true }))
    expectTypeOf(db).toEqualTypeOf<NodePgDatabase<typeof schema> & { $client: Pool }>()
    const find = async () => (await db.query.authors.findMany({ with: { books: true } }))[0]?.books[0]?.authorId
    expectTypeOf(find).returns.resolves.toEqualTypeOf<number | null | undefined>()
    const given = drizzle(withPoolPolicy({ client: pool, schema }))
    expectTypeOf(given).toEqualTypeOf<NodePgDatabase<typeof schema> & { $client: Pool }>()
  })

  test('what drizzle() refuses is refused', () => {
    // @ts-expect-error a single client has no pool
    withPoolPolicy({ client })
    // @ts-expect-error neither here
    withPoolPolicy(client)
    // @ts-expect-error there is no such key
    withPoolPolicy({ connection: url, shema: schema })
    // @ts-expect-error there is no such casing
    withPoolPolicy({ connection: url, casing: 'kebab-case' })
    // @ts-expect-error the rest of the configuration belongs into the first argument of withPoolPolicy
    drizzle(withPoolPolicy(url), { schema })
    // @ts-expect-error there is no such option
    withPoolPolicy({ connection: url }, { keepAlive: 1 })
  })
})

test('applyPoolPolicy and keeperOf take a database of any schema', () => {
  expectTypeOf(applyPoolPolicy(drizzle(pool, { schema }), { max: 5 })).toEqualTypeOf<PoolKeeper>()
  expectTypeOf(keeperOf(drizzle({ connection: url, schema }))).toEqualTypeOf<PoolKeeper>()
  // @ts-expect-error this is none of Drizzle's
  applyPoolPolicy(pool)
})
