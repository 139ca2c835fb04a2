import type { ConnectRefusal, Harm, TransactionStatus } from '@poolkeeper/core'
import type { Driver } from './driver.ts'
import { asError, codeOf, isSocketError } from './socket-errors.ts'
import { watchEmitter } from './watch.ts'

interface Stream {
  destroy(): void
  readonly destroyed?: boolean
  readonly bytesWritten?: number
  /** What carries a socket of `@neondatabase/serverless`; `terminate` is that of the package `ws`. */
  readonly ws?: { terminate?(): void } | null
}

interface WireConnection {
  readonly stream: Stream
  sync(): void
  prependListener?(event: string, listener: (message?: unknown) => void): unknown
  removeListener?(event: string, listener: (message?: unknown) => void): unknown
}

/** What `pg-native` has in the place of a connection of ours: libpq, which keeps the socket to itself. */
interface NativeConnection {
  prependListener(event: string, listener: () => void): unknown
  removeListener(event: string, listener: () => void): unknown
}

/** The part of `pg.Client` that is used here; declared so that `pg` is not a dependency. */
export interface PgClient {
  readonly connection?: WireConnection
  readonly native?: NativeConnection
  /** pg 8.23 and later: several queries on the wire at once. */
  readonly pipeline?: boolean
  /** `false` from a statement on until the server is done with it, and with all that were queued behind. */
  readonly readyForQuery?: boolean
  /** pg 8.21 and later: as the last ReadyForQuery said. */
  getTransactionStatus?(): string | null
  query(text: string, callback: (error: unknown, result?: { readonly rows: readonly unknown[] }) => void): unknown
  query(submittable: object): unknown
  on(event: string, listener: (error?: unknown) => void): unknown
  removeListener(event: string, listener: (error?: unknown) => void): unknown
}

/**
 * A query that consists of a Sync message only: the server answers it with ReadyForQuery, in any
 * state of the session, at about a third of the price of `SELECT 1`. It goes through the client's
 * own queue, as every Submittable does, so it can never meet another query on the wire.
 */
class SyncQuery {
  readonly callback: (error: unknown) => void

  constructor(callback: (error: unknown) => void) {
    this.callback = callback
  }

  submit(connection: WireConnection): void {
    connection.sync()
  }

  handleReadyForQuery(): void {
    this.callback(undefined)
  }

  handleError(error: unknown): void {
    this.callback(error ?? new Error('the check failed without an error'))
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SERVER_GOES_AWAY: ReadonlySet<unknown> = new Set([
  '57P01', // admin_shutdown, and pg_terminate_backend
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now: starting up, shutting down, in recovery
  '25006', // read_only_sql_transaction: the role has changed
])
const REFUSALS: ReadonlyMap<unknown, ConnectRefusal> = new Map([
  ['53300', 'full'], // too_many_connections
  ['28P01', 'credentials'], // invalid_password
  ['28000', 'credentials'], // invalid_authorization_specification: no such role, or not from here
  ['3D000', 'credentials'], // invalid_catalog_name
  ['42501', 'credentials'], // insufficient_privilege: the role may not connect to this database
])
const CONNECTION_EXCEPTION_CLASS = '08'
/** Five characters, one of them a digit: Node's own EPERM and its like are none. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/

/** What `pg` itself says of a password that the server's method can do nothing with, without a code. */
const UNUSABLE_PASSWORD_TEXT = /^SASL: /

/** What `pg` itself says, without a code, of a client that is lost, or on which a query still runs. */
const LOST_TEXT = /^Connection terminated|not queryable|^Connection ended|^Query read timeout/

function harmOf(error: unknown): Harm {
  const code = codeOf(error)
  if (SERVER_GOES_AWAY.has(code)) return 'server'
  if (isSocketError(error)) return 'connection'
  if (typeof code === 'string' && SQLSTATE.test(code)) {
    const isFatal = ['FATAL', 'PANIC'].includes(String((error as { severity?: unknown }).severity))
    return isFatal || code.startsWith(CONNECTION_EXCEPTION_CLASS) ? 'connection' : 'statement'
  }
  return error instanceof Error && LOST_TEXT.test(error.message) ? 'connection' : 'statement'
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html: ReadyForQuery */
const STATUS: Readonly<Record<string, TransactionStatus>> = { I: 'idle', T: 'open', E: 'failed' }

/** Of clients that do not keep it themselves, as far as somebody listens to them. */
const heardStatus = new WeakMap<PgClient, string>()

function transactionStatus(client: PgClient): TransactionStatus | undefined {
  const status = client.getTransactionStatus === undefined ? heardStatus.get(client) : client.getTransactionStatus()
  return STATUS[status ?? '']
}

function isInTransaction(client: PgClient): boolean {
  const status = transactionStatus(client)
  return status === 'open' || status === 'failed'
}

export const pgDriver: Driver<PgClient> = {
  wire: 'postgresql',

  validate(client, text) {
    return new Promise((resolve, reject) => {
      const onAnswer = (error: unknown): void => {
        // An error about the statement is an answer too.
        if (error === undefined || error === null || isAnswer(error)) resolve()
        else reject(asError(error))
      }
      if (text !== undefined) client.query(text, onAnswer)
      // Pipelined clients refuse foreign Submittables; the empty query is the next cheapest.
      else if (client.pipeline === true || client.connection === undefined) client.query('', onAnswer)
      else client.query(new SyncQuery(onAnswer))
    })
  },

  // Also true on a server that follows another one.
  isWritable: (client) =>
    new Promise((resolve, reject) => {
      client.query('show transaction_read_only', (error, result) => {
        if (error !== undefined && error !== null) reject(asError(error))
        else resolve((result?.rows[0] as { transaction_read_only?: string }).transaction_read_only === 'off')
      })
    }),

  transactionStatus,

  rollback: (client) => run(client, 'rollback'),

  async reset(client) {
    // DISCARD ALL cannot run inside a transaction.
    if (isInTransaction(client)) await run(client, 'rollback')
    await run(client, 'discard all')
  },

  isBroken: (client) => client.connection?.stream.destroyed === true,

  isBusy(client) {
    // libpq has no status to tell while a statement runs.
    if (client.native !== undefined) return client.getTransactionStatus?.() === null
    return client.readyForQuery === undefined ? undefined : !client.readyForQuery
  },

  destroy({ connection }) {
    // A WebSocket that is closed waits for its peer's farewell first, half a minute.
    connection?.stream.ws?.terminate?.()
    connection?.stream.destroy()
  },

  harmOf,

  refusalOf,

  watch: (client, onDeath) => watchEmitter(client, onDeath),

  listen(client, { answered, failed }) {
    const { connection, native } = client
    const keepsStatus = client.getTransactionStatus !== undefined
    const onReady = (message: unknown): void => {
      if (!keepsStatus) heardStatus.set(client, String((message as { status?: unknown }).status))
      answered()
    }
    native?.prependListener('readyForQuery', answered)
    connection?.prependListener?.('readyForQuery', onReady)
    connection?.prependListener?.('errorMessage', failed)
    return () => {
      native?.removeListener('readyForQuery', answered)
      connection?.removeListener?.('readyForQuery', onReady)
      connection?.removeListener?.('errorMessage', failed)
    }
  },

  bytesWritten: (client) => client.connection?.stream.bytesWritten,
}

function refusalOf(error: unknown): ConnectRefusal | undefined {
  if (error instanceof Error && UNUSABLE_PASSWORD_TEXT.test(error.message)) return 'credentials'
  return REFUSALS.get(codeOf(error))
}

function run(client: PgClient, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(text, (error) => {
      if (error === undefined || error === null) resolve()
      else reject(asError(error))
    })
  })
}

function isAnswer(error: unknown): boolean {
  const code = codeOf(error)
  return typeof code === 'string' && SQLSTATE.test(code) && harmOf(error) === 'statement'
}
