import { refusedOption, text } from '../../policy/bounds.ts'
import { documentOf, refuseLarge } from './document.ts'
import { quotedTable } from './postgres-table.ts'
import type { SizingHistory } from './store.ts'

/**
 * A pool or client of pg, or whatever else has its `query(text, values)`, such as Neon's and PGlite; Knex; postgres.js.
 * Of a Drizzle database, its `$client`.
 */
export type PostgresHistoryClient =
  | { query(text: string, values: string[]): PromiseLike<unknown> }
  | { raw(sql: string, bindings: string[]): PromiseLike<unknown> }
  | { unsafe(text: string, values: string[]): PromiseLike<unknown> }

export interface PostgresHistoryOptions {
  /**
   * The table, also as `schema.table`, in exactly this spelling. It is made by the first save, if it is not there and
   * the user may make it; its schema has to be there. By hand:
   *
   * `create table poolkeeper_history (key text primary key, document text not null, saved_at timestamptz not null)`
   *
   * One or two names of letters, digits and underscores, of 1 to 63 characters each.
   *
   * @defaultValue `'poolkeeper_history'`
   */
  readonly table?: string
  /**
   * Its row. Pools whose loads differ need a key each; the processes of one application share it.
   *
   * A text of 1 to 1024 characters.
   *
   * @defaultValue `'default'`
   */
  readonly key?: string
}

/**
 * Keeps the history of predictive sizing in PostgreSQL, in one row of a table, through a client of yours. It is
 * neither opened nor closed; a single client should not be one that has transactions of its own. A document above
 * 1 MiB is refused.
 *
 * It may be the very pool that is sized: a save is one short statement, which waits for a connection as every caller
 * does. It then keeps a serverless database awake that would fall asleep otherwise.
 *
 * @throws PoolkeeperError `INVALID_POLICY`
 *
 * @example
 * const sizing = { predictive: { history: postgresHistory(pool, { key: 'shop' }) } }
 */
export function postgresHistory(client: PostgresHistoryClient, options: PostgresHistoryOptions = {}): SizingHistory {
  const { key = 'default', table = 'poolkeeper_history' } = options
  keyText('postgresHistory(options).key', key)
  return new PostgresHistory(asking(client), quotedTable('postgresHistory(options).table', table), key)
}

const keyText = text(1_024)

/** Parameters are `$1`, `$2`, each once and in their order. */
type Ask = (sql: string, values: string[]) => PromiseLike<unknown>

function asking(client: PostgresHistoryClient): Ask {
  const given = (client ?? {}) as Record<'query' | 'raw' | 'unsafe', unknown>
  const has = (method: keyof typeof given): boolean => typeof given[method] === 'function'
  if (has('query')) return (sql, values) => (client as { query: Ask }).query(sql, values)
  if (has('raw')) return (sql, values) => (client as { raw: Ask }).raw(sql.replace(/\$\d/g, '?'), values)
  if (has('unsafe')) return (sql, values) => (client as { unsafe: Ask }).unsafe(sql, values)
  // A client knows passwords: it is not shown.
  const bound = 'a client with query(text, values), as those of pg, raw(sql, bindings), as Knex, or unsafe(text, values), as postgres.js'
  throw refusedOption('postgresHistory(client)', bound, `a value of type ${typeof client}`)
}

const UNDEFINED_TABLE = '42P01'
/** Somebody else makes the table at this very moment: its name, or its type's, is taken. */
const MADE_BY_OTHERS: readonly unknown[] = ['42P07', '42710', '23505']

class PostgresHistory implements SizingHistory {
  readonly #ask: Ask
  readonly #table: string
  readonly #key: string

  constructor(ask: Ask, table: string, key: string) {
    this.#ask = ask
    this.#table = table
    this.#key = key
  }

  async load(): Promise<string | undefined> {
    try {
      const answer = await this.#ask(`select document from ${this.#table} where key = $1`, [this.#key])
      return documentOf(rowsOf(answer)[0]?.document)
    } catch (error) {
      if (codeOf(error) === UNDEFINED_TABLE) return undefined
      throw error
    }
  }

  async save(document: string): Promise<void> {
    refuseLarge(Buffer.byteLength(document))
    try {
      await this.#write(document)
    } catch (error) {
      if (codeOf(error) !== UNDEFINED_TABLE) throw error
      await this.#create()
      await this.#write(document)
    }
  }

  async #write(document: string): Promise<void> {
    const insert = `insert into ${this.#table} (key, document, saved_at) values ($1, $2, now())`
    const update = 'on conflict (key) do update set document = excluded.document, saved_at = excluded.saved_at'
    await this.#ask(`${insert} ${update}`, [this.#key, document])
  }

  async #create(): Promise<void> {
    const columns = 'key text primary key, document text not null, saved_at timestamptz not null'
    try {
      await this.#ask(`create table if not exists ${this.#table} (${columns})`, [])
    } catch (error) {
      if (!MADE_BY_OTHERS.includes(codeOf(error))) throw error
    }
  }
}

/** pg and Knex answer with a result that has the rows, postgres.js with the rows themselves. */
function rowsOf(answer: unknown): readonly { readonly document?: unknown }[] {
  const rows = Array.isArray(answer) ? answer : (answer as { rows?: unknown } | undefined)?.rows
  return Array.isArray(rows) ? (rows as { document?: unknown }[]) : []
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code
}
