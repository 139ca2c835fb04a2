import { describe, expect, test } from 'vitest'
import { followStatements } from './statements.ts'

class Client {
  readonly given: unknown[][] = []

  query(...given: unknown[]): string {
    this.given.push(given)
    return 'the answer'
  }
}

function follow(): { client: Client; told: string[]; undo: () => void } {
  const client = new Client()
  const told: string[] = []
  return { client, told, undo: followStatements(client, (text) => told.push(text)) }
}

describe('the statements of a client', () => {
  test.each([
    ['a text', ['select 1']],
    ['a text with values', ['select 1', ['secret']]],
    ['options', [{ name: 'one', text: 'select 1', values: ['secret'] }]],
    ['a query that submits itself', [{ text: 'select 1', submit: (): void => {} }]],
    ['a stream', [{ cursor: { text: 'select 1' }, submit: (): void => {} }]],
  ])('are told by their text, and sent as they were given: %s', (_, given) => {
    const { client, told } = follow()
    expect(client.query(...given)).toBe('the answer')
    expect(told).toEqual(['select 1'])
    expect(client.given).toEqual([given])
  })

  test.each([['a message that is no statement', { submit: (): void => {} }], ['nothing', null], ['no text', { text: 5 }]])(
    'are not made up of %s, which is the business of pg',
    (_, given) => {
      const { client, told } = follow()
      client.query(given)
      expect(told).toEqual([])
      expect(client.given).toEqual([[given]])
    },
  )

  test('are no longer heard afterwards, and the client is as it was', () => {
    const { client, told, undo } = follow()
    undo()
    client.query('select 1')
    expect(told).toEqual([])
    expect(Object.keys(client)).toEqual(['given'])
    expect(Object.hasOwn(client, 'query')).toBe(false)
  })
})
