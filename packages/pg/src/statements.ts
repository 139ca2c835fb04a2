import { Overrides } from '@poolkeeper/core'

/** What `client.query()` takes first: a text, options, or a query that knows how to submit itself. */
type Query = string | { readonly text?: unknown; readonly cursor?: { readonly text?: unknown } } | null | undefined

interface Asks {
  query(query: Query, ...others: unknown[]): unknown
}

/**
 * Tells each statement that is given to a client, with its text and without its values, before it is sent: at the
 * price of one more call, and so only while somebody wants to know. Returns the undo.
 */
export function followStatements(client: object, told: (text: string) => void): () => void {
  const asks = client as Asks
  const { query: queryHost } = asks
  const overrides = new Overrides(asks)
  overrides.set('query', (query, ...others) => {
    const text = textOf(query)
    if (text !== undefined) told(text)
    return queryHost.call(client, query, ...others)
  })
  return () => overrides.undo()
}

/** `undefined` of a message that is no statement. */
function textOf(query: Query): string | undefined {
  if (typeof query === 'string') return query
  // A stream of pg-query-stream has its text at its cursor.
  const text = query?.text ?? query?.cursor?.text
  return typeof text === 'string' ? text : undefined
}
