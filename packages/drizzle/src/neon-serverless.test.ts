import { neonConfig, Pool } from '@neondatabase/serverless'
import { drizzle } from 'drizzle-orm/neon-serverless'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import { expect, onTestFinished, test } from 'vitest'
import { applyPoolPolicy, keeperOf, withPoolPolicy } from './neon-serverless.ts'

const url = 'postgres://nobody@127.0.0.1:1/none'
const schema = { users: pgTable('users', { id: integer('id') }) }
const refused: unknown = expect.objectContaining({ code: 'UNSUPPORTED_HOST' })

test.for([
  { form: 'a URL', make: () => withPoolPolicy(url, { max: 3 }) },
  { form: 'a URL as connection', make: () => withPoolPolicy({ connection: url }, { max: 3 }) },
  { form: 'a pool', make: () => withPoolPolicy(new Pool({ connectionString: url }), { max: 3 }) },
])('$form becomes a configuration with a kept pool of Neon', ({ make }) => {
  const db = drizzle(make())
  expect(db.$client).toBeInstanceOf(Pool)
  expect(keeperOf(db).policy.max).toBe(3)
})

test('the constructor of WebSockets is known before anything is opened, and the rest stays as it is', () => {
  const before = neonConfig.webSocketConstructor
  onTestFinished(() => void (neonConfig.webSocketConstructor = before))
  const ws = class {}
  const { client, ...rest } = withPoolPolicy({ connection: url, schema, ws })
  expect(rest).toEqual({ schema, ws })
  expect(neonConfig.webSocketConstructor).toBe(ws)
  expect(keeperOf(drizzle({ client })).policy.max).toBe(10)
})

test('a database that is there is attended, and what has no pool is refused', () => {
  const db = drizzle(url)
  const keeper = applyPoolPolicy(db, { max: 4 })
  expect(applyPoolPolicy(db, { max: 4 })).toBe(keeper)
  expect(keeperOf(db)).toBe(keeper)
  expect(() => applyPoolPolicy(drizzle.mock() as never)).toThrow(refused)
  expect(() => applyPoolPolicy(new Pool({ connectionString: url }) as never)).toThrow(refused)
})
