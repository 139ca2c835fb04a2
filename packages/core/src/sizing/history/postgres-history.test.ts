import { describe, expect, test } from 'vitest'
import { LARGEST_DOCUMENT_BYTES } from './document.ts'
import { postgresHistory, type PostgresHistoryClient } from './postgres-history.ts'

interface Asked {
  readonly sql: string
  readonly values: readonly string[]
}

/** Answers each statement with what stands next in the list. */
function postgres(...answers: readonly unknown[]): { readonly asked: Asked[]; ask(sql: string, values: string[]): Promise<unknown> } {
  const asked: Asked[] = []
  return {
    asked,
    ask: async (sql, values) => {
      asked.push({ sql, values })
      const answer = answers[asked.length - 1] ?? { rows: [] }
      return answer instanceof Error ? Promise.reject(answer) : answer
    },
  }
}

const failure = (code: string): Error => Object.assign(new Error(code), { code })
const verbs = (asked: readonly Asked[]): string[] => asked.map(({ sql }) => sql.split(' ')[0] ?? '')

describe('a history in PostgreSQL', () => {
  test('is one row, read and written by its key', async () => {
    const { ask, asked } = postgres({ rows: [{ document: 'one' }] })
    const history = postgresHistory({ query: ask }, { table: 'ops.history', key: 'shop' })
    expect(await history.load()).toBe('one')
    await history.save('two')
    expect(asked.map(({ values }) => values)).toEqual([['shop'], ['shop', 'two']])
    for (const { sql } of asked) expect(sql).toContain('"ops"."history"')
  })

  test('of a table that is not there is none, and the first save makes the table', async () => {
    const { ask, asked } = postgres(failure('42P01'), failure('42P01'))
    const history = postgresHistory({ query: ask })
    expect(await history.load()).toBeUndefined()
    await history.save('one')
    expect(verbs(asked)).toEqual(['select', 'insert', 'create', 'insert'])
    await history.save('two')
    expect(verbs(asked).slice(4)).toEqual(['insert'])
  })

  test.each(['42P07', '23505'])('is saved although somebody else made the table at the same moment (%s)', async (code) => {
    const { ask, asked } = postgres(failure('42P01'), failure(code))
    await postgresHistory({ query: ask }).save('one')
    expect(verbs(asked)).toEqual(['insert', 'create', 'insert'])
  })

  test('whose table may not be made says so, and so does whatever else goes wrong', async () => {
    await expect(postgresHistory({ query: postgres(failure('42P01'), failure('42501')).ask }).save('one')).rejects.toThrow('42501')
    await expect(postgresHistory({ query: postgres(failure('57P01')).ask }).save('one')).rejects.toThrow('57P01')
    await expect(postgresHistory({ query: postgres(failure('57P01')).ask }).load()).rejects.toThrow('57P01')
  })

  test('that is too large is refused', async () => {
    const large = 'x'.repeat(LARGEST_DOCUMENT_BYTES + 1)
    const { ask, asked } = postgres({ rows: [{ document: large }] })
    const history = postgresHistory({ query: ask })
    await expect(history.load()).rejects.toMatchObject({ code: 'INVALID_POLICY', invalid: { option: 'history' } })
    await expect(history.save(large)).rejects.toMatchObject({ code: 'INVALID_POLICY' })
    expect(asked).toHaveLength(1)
  })
})

describe('clients', () => {
  test('Knex has parameters of its own', async () => {
    const { ask, asked } = postgres()
    await postgresHistory(Object.assign(() => {}, { raw: ask })).save('one')
    expect(asked[0]?.sql).toMatch(/values \(\?, \?, now\(\)\)/)
    expect(asked[0]?.values).toEqual(['default', 'one'])
  })

  test('postgres.js answers with the rows themselves', async () => {
    const { ask } = postgres([{ document: 'one' }])
    expect(await postgresHistory(Object.assign(() => {}, { unsafe: ask })).load()).toBe('one')
  })
})

describe('bad input', () => {
  const { ask } = postgres()

  test.each(['a;b', 'a b', '', '1st', 'a.b.c', '.a', 'a.', '"a"', 'x'.repeat(64), 7, null])('a table called %s is refused', (table) => {
    expect(() => postgresHistory({ query: ask }, { table: table as string })).toThrow(/`postgresHistory\(options\).table` must be a table, or schema.table/)
  })

  test('a key that is none is refused', () => {
    expect(() => postgresHistory({ query: ask }, { key: ' ' })).toThrow('`postgresHistory(options).key` must be a text of 1 to 1024 characters')
  })

  test.each([undefined, null, {}, 'postgres://user:secret@host', { query: {} }])('a client that is none is refused, and not shown', (client) => {
    const make = (): unknown => postgresHistory(client as unknown as PostgresHistoryClient)
    expect(make).toThrow('`postgresHistory(client)` must be a client with query(text, values)')
    expect(make).not.toThrow('secret')
  })
})
