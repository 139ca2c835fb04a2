import type { Client, Pool, PoolConfig } from '@neondatabase/serverless'
import { drizzle, type NeonDatabase } from 'drizzle-orm/neon-serverless'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import { describe, expectTypeOf, test } from 'vitest'
import { applyPoolPolicy, keeperOf, type PoolKeeper, withPoolPolicy } from './neon-serverless.ts'

const schema = { users: pgTable('users', { id: integer('id').primaryKey() }) }

declare const pool: Pool
declare const client: Client
declare const options: PoolConfig
const url = 'postgres://localhost/app'

describe('withPoolPolicy', () => {
  test('takes every form that drizzle() takes, and gives the same database', () => {
    expectTypeOf(drizzle(withPoolPolicy(url))).toEqualTypeOf(drizzle(url))
    expectTypeOf(drizzle(withPoolPolicy({ connection: url }))).toEqualTypeOf(drizzle({ connection: url }))
    expectTypeOf(drizzle(withPoolPolicy({ connection: options }))).toEqualTypeOf(drizzle({ connection: options }))
    expectTypeOf(drizzle(withPoolPolicy({ client: pool }))).toEqualTypeOf(drizzle({ client: pool }))
    expectTypeOf(drizzle(withPoolPolicy(pool))).toEqualTypeOf(drizzle(pool))
  })

  test('a schema is known, and the constructor of WebSockets may stand beside it', () => {
    const db = drizzle(withPoolPolicy({ connection: url, schema, ws: class {} }))
    expectTypeOf(db).toEqualTypeOf<NeonDatabase<typeof schema> & { $client: Pool }>()
  })

  test('what drizzle() refuses is refused', () => {
    // @ts-expect-error a single client is no pool
    withPoolPolicy({ client })
    // @ts-expect-error there is no such key
    withPoolPolicy({ connection: url, shema: schema })
    // @ts-expect-error there is no such option
    withPoolPolicy({ connection: url }, { keepAlive: 1 })
  })
})

test('applyPoolPolicy and keeperOf take a database of any schema', () => {
  expectTypeOf(applyPoolPolicy(drizzle(pool, { schema }), { max: 5 })).toEqualTypeOf<PoolKeeper>()
  expectTypeOf(keeperOf(drizzle({ client: pool }))).toEqualTypeOf<PoolKeeper>()
  // @ts-expect-error this is none of Drizzle's
  applyPoolPolicy(pool)
})
