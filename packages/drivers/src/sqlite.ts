import type { Driver } from './driver.ts'

/** The part of a better-sqlite3 database that is used here. */
export interface SqliteDatabase {
  readonly open?: boolean
  /** better-sqlite3 alone has it. */
  readonly inTransaction?: boolean
  close?(): void
}

/**
 * SQLite lives in this process: there is no server that could stay silent, and a connection to
 * `:memory:` is the database itself. So nothing is asked, and nothing is ever replaced.
 */
export const sqliteDriver: Driver<SqliteDatabase> = {
  wire: 'sqlite',
  validate: async () => {},
  isBroken: ({ open }) => open === false,
  // better-sqlite3 is at work only while nobody else is; sqlite3 has its queue out of reach.
  isBusy: ({ inTransaction }) => (inTransaction === undefined ? undefined : false),
  destroy(connection) {
    connection.close?.()
  },
  harmOf: () => 'statement',
  refusalOf: () => undefined,
  watch: () => () => {},
  bytesWritten: () => undefined,
}
