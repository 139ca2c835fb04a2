import { createRequire } from 'node:module'
import postgresModule from 'postgres'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { postgresOf, type PostgresQuery, type PostgresSql } from './postgres-host.ts'
import { type Backend, interceptQueries } from './query-class.ts'

type Postgres = typeof postgresModule

/** As an ES module, and as CommonJS: two classes of queries. */
const COPIES = {
  module: postgresModule,
  commonJs: createRequire(import.meta.url)('postgres') as Postgres,
} satisfies Record<string, Postgres>
const URL_OF_NOBODY = 'postgres://nobody@127.0.0.1:1/none'

interface Attended {
  readonly asked: string[]
  detach(): void
}

function instanceOf(copy: Postgres): PostgresSql {
  return postgresOf(copy(URL_OF_NOBODY)).sql
}

function attend(sql: PostgresSql, intercept: typeof interceptQueries = interceptQueries, owns = (_: Backend) => true): Attended {
  const { handler, prototype } = postgresOf(sql)
  const asked: string[] = []
  const door = (query: PostgresQuery): void => {
    asked.push(query.strings[0] ?? '')
    query.reject(new Error('at the door'))
  }
  const detach = intercept(prototype, handler, { door, owns })
  return { asked, detach }
}

async function ask(sql: PostgresSql, text: string): Promise<unknown> {
  return sql.unsafe(text).then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  )
}

const handleOf = (sql: PostgresSql): unknown => Reflect.get(postgresOf(sql).prototype, 'handle')
const refused: unknown = expect.stringContaining('ECONNREFUSED')

describe.each(Object.entries(COPIES))('queries of postgres.js as %s', (_, copy) => {
  const original = handleOf(instanceOf(copy))

  afterEach(() => expect(handleOf(instanceOf(copy))).toBe(original))

  test('go to the door of their own instance, and to no other', async () => {
    const [one, two, bare] = [instanceOf(copy), instanceOf(copy), instanceOf(copy)]
    const [first, second] = [attend(one), attend(two)]
    await Promise.all([ask(one, 'a'), ask(two, 'b'), ask(one, 'c')])
    expect([first.asked, second.asked]).toEqual([['a', 'c'], ['b']])
    expect(await ask(bare, 'd')).toEqual(refused)
    first.detach()
    expect(await ask(one, 'e')).toEqual(refused)
    expect(await ask(two, 'f')).toBe('at the door')
    second.detach()
  })

  test('are replaced once by two copies of this package, whichever of them leaves first', async () => {
    vi.resetModules()
    const other = (await import('./query-class.ts')).interceptQueries
    expect(other).not.toBe(interceptQueries)
    for (const order of ['first', 'second']) {
      const [one, two] = [instanceOf(copy), instanceOf(copy)]
      const attended = [attend(one), attend(two, other)]
      const [leaver, stayer] = order === 'first' ? attended : attended.toReversed()
      const [left, stays] = order === 'first' ? [one, two] : [two, one]
      leaver?.detach()
      expect(await ask(left, 'left')).toEqual(refused)
      expect(await ask(stays, 'stays')).toBe('at the door')
      stayer?.detach()
      expect(handleOf(one)).toBe(original)
    }
  })

  test('keep what others have put upon them since: ours stays below it, and lets everything through', async () => {
    const sql = instanceOf(copy)
    const { prototype } = postgresOf(sql)
    const attended = attend(sql)
    const below = prototype.handle
    let traced = 0
    const tracer = function handle(this: PostgresQuery): Promise<void> {
      traced++
      return below.call(this)
    }
    prototype.handle = tracer
    attended.detach()
    expect(prototype.handle).toBe(tracer)
    expect(await ask(sql, 'a')).toEqual(refused)
    const again = attend(sql)
    expect(await ask(sql, 'b')).toBe('at the door')
    expect(again.asked).toEqual(['b'])
    expect(traced).toBeGreaterThan(1)
    prototype.handle = below
    again.detach()
  })

  test('of postgres.js itself end no process when a connection of ours dies, and those of other instances do what they did', async () => {
    const attended = attend(instanceOf(copy), interceptQueries, ({ pid }) => pid === 7)
    const Query = postgresOf(instanceOf(copy)).prototype.constructor as unknown as new (
      strings: string[],
      args: unknown[],
      execute: (query: PostgresQuery) => void,
    ) => PostgresQuery
    const outcomeOn = async (state: Backend): Promise<string> => {
      const execute = (query: PostgresQuery): void => {
        query.state = state
        query.reject(new Error('the connection died'))
      }
      const asked = new Query(['select b.typarray'], [], execute)
      const answered = asked.then(
        () => 'answered',
        () => 'rejected',
      )
      return Promise.race([answered, new Promise<string>((resolve) => setImmediate(resolve, 'spared'))])
    }
    expect(await outcomeOn({ pid: 7, secret: 1 })).toBe('spared')
    expect(await outcomeOn({ pid: 8, secret: 1 })).toBe('rejected')
    attended.detach()
  })
})

test('two copies of postgres.js are two classes: each is left as it was found by itself', async () => {
  const [module, commonJs] = [instanceOf(COPIES.module), instanceOf(COPIES.commonJs)]
  const before = [handleOf(module), handleOf(commonJs)]
  expect(before[0]).not.toBe(before[1])
  const attended = [attend(module), attend(commonJs)]
  attended[0]?.detach()
  expect(handleOf(module)).toBe(before[0])
  expect(await ask(commonJs, 'a')).toBe('at the door')
  attended[1]?.detach()
  expect(handleOf(commonJs)).toBe(before[1])
})
