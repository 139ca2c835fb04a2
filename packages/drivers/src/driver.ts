import type { ConnectRefusal, Harm, PoolCredentials, TransactionStatus } from '@poolkeeper/core'

/** What the server says on one connection. */
export interface Traffic {
  /** The end of an answer, whatever it said. */
  answered(): void
  /** An error about a statement. */
  failed(error: unknown): void
}

/** What is known of one wire, shared by all hosts over it. */
export interface Driver<C extends object> {
  readonly wire: 'postgresql' | 'mysql' | 'redis' | 'sqlite' | 'other'

  /**
   * Asks the server for a sign of life; any answer will do, also an error about the statement.
   * Without a text, the cheapest message that the wire has. Deadlines are the caller's.
   */
  validate(connection: C, text?: string): Promise<void>

  /**
   * Asks the server whether it takes writes on this connection: a sign of life and the role in one.
   * Left out where the wire has no such question.
   */
  isWritable?(connection: C): Promise<boolean>

  /** The transaction that the session is in, as far as the driver knows it without asking. */
  transactionStatus?(connection: C): TransactionStatus | undefined

  /**
   * Logs the session in with other credentials, with nothing of it lost. Rejects with what the server says, which
   * leaves the login as it was. Left out where the wire has no such message.
   */
  reauthenticate?(connection: C, credentials: PoolCredentials): Promise<void>

  /** Ends an open or failed transaction. */
  rollback?(connection: C): Promise<void>

  /** Makes the session as new. */
  reset?(connection: C): Promise<void>

  /** What can be seen without asking: the driver knows already that the connection is dead. */
  isBroken(connection: C): boolean

  /**
   * Whether a statement is under way on it, as far as the driver's own books show. Left out, or
   * `undefined`, where they are out of reach.
   */
  isBusy?(connection: C): boolean | undefined

  /** Ends the socket at once: no farewell, no waiting for the peer. Never throws. */
  destroy(connection: C): void

  /**
   * Resolves when the socket is closed, after a farewell that the driver reports earlier than
   * that. Left out where the driver's own farewell ends with the socket.
   */
  whenClosed?(connection: C): Promise<void>

  harmOf(error: unknown): Harm

  /**
   * What a connect error says: that the server has no room for one more connection, or that it does
   * not know the user, the password or the database, which trying again does not change.
   */
  refusalOf(error: unknown): ConnectRefusal | undefined

  /**
   * Calls back once when the connection dies by itself, and keeps its errors from crashing the
   * process. Returns the undo.
   */
  watch(connection: C, onDeath: (error: unknown) => void): () => void

  /**
   * Tells of what the server says on this connection, before the driver's own user hears of it: he may
   * let go of the connection within that call. Left out where the host tells of its queries itself.
   * Returns the undo.
   */
  listen?(connection: C, traffic: Traffic): () => void

  /** Bytes written to the connection's socket so far: tells whether somebody else just asked it. */
  bytesWritten(connection: C): number | undefined
}
