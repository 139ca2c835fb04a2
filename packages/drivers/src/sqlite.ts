import type { Driver } from './driver.ts'

/** The part of a better-sqlite3 database that is used here. */
export interface SqliteDatabase {
  readonly open?: boolean
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
  destroy(connection) {
    connection.close?.()
  },
  harmOf: () => 'statement',
  refusalOf: () => undefined,
  watch: () => () => {},
  bytesWritten: () => undefined,
}
