import type { ConnectRefusal, Harm, TransactionStatus, ValidationAnswer } from '@poolkeeper/core'

/** What the tarn port asks of the library that owns the pool: how to treat one connection. */
export interface TarnHost<C extends object> {
  /** Names the host and its version, for errors. */
  readonly name: string
  /** What the host itself says about a connection that is about to be lent. */
  agrees(connection: C, wasChecked: boolean): boolean | Promise<boolean>
  validate(connection: C): Promise<ValidationAnswer>
  transactionStatus(connection: C): TransactionStatus | undefined
  restoreSession(connection: C, how: 'rollback' | 'reset'): Promise<void>
  isBroken(connection: C): boolean
  harmOf(error: unknown): Harm
  isBusy(connection: C): boolean | undefined
  destroyHard(connection: C): void
  /** Resolves when the socket is closed, after the host's own farewell. */
  whenClosed(connection: C): Promise<void>
  refusalOf(error: unknown): ConnectRefusal | undefined
  /** `false` when the connection is the database itself. */
  readonly replaceable: boolean
  /** The connection is gone. */
  forget(connection: C): void
  /** An attempt to connect begins; the returned function ends it, for one that is given up. */
  connecting(): () => void
  watch(connection: C, onDeath: (error: unknown) => void): () => void
}
