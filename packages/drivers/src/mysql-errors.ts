import type { ConnectRefusal, Harm } from '@poolkeeper/core'
import { codeOf, isSocketError } from './socket-errors.ts'

/** https://dev.mysql.com/doc/mysql-errors/8.0/en/ and MariaDB's counterparts. */
const SERVER_GOES_AWAY: ReadonlySet<unknown> = new Set([
  1053, // ER_SERVER_SHUTDOWN
  1792, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
  1836, // ER_READ_ONLY_MODE
])
const CONNECTION_LOST: ReadonlySet<unknown> = new Set([
  1927, // ER_CONNECTION_KILLED (MariaDB)
  2006, // CR_SERVER_GONE_ERROR
  2013, // CR_SERVER_LOST
  2055, // CR_SERVER_LOST_EXTENDED
  4031, // ER_CLIENT_INTERACTION_TIMEOUT
])
const REFUSALS: ReadonlyMap<unknown, ConnectRefusal> = new Map([
  [1040, 'full'], // ER_CON_COUNT_ERROR
  [1203, 'full'], // ER_TOO_MANY_USER_CONNECTIONS
  [1226, 'full'], // ER_USER_LIMIT_REACHED
  [1044, 'credentials'], // ER_DBACCESS_DENIED_ERROR
  [1045, 'credentials'], // ER_ACCESS_DENIED_ERROR
  [1049, 'credentials'], // ER_BAD_DB_ERROR
  [1130, 'credentials'], // ER_HOST_NOT_PRIVILEGED: this user does not exist for this host
  [1251, 'credentials'], // ER_NOT_SUPPORTED_AUTH_MODE
  [1698, 'credentials'], // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
  [1862, 'credentials'], // ER_MUST_CHANGE_PASSWORD_LOGIN
  [3118, 'credentials'], // ER_ACCOUNT_HAS_BEEN_LOCKED
  [4151, 'credentials'], // ER_ACCOUNT_HAS_BEEN_LOCKED (MariaDB)
])

export function mysqlHarmOf(error: unknown): Harm {
  if (typeof error !== 'object' || error === null) return 'statement'
  const { errno, fatal } = error as { errno?: unknown; fatal?: unknown }
  if (SERVER_GOES_AWAY.has(errno) || isReadOnlyOption(errno, error)) return 'server'
  if (CONNECTION_LOST.has(errno) || isSocketError(error) || fatal === true) return 'connection'
  return String(codeOf(error)).startsWith('PROTOCOL_') ? 'connection' : 'statement'
}

/** ER_OPTION_PREVENTS_STATEMENT names the option, and only one of them is a matter of role. */
function isReadOnlyOption(errno: unknown, error: object): boolean {
  return errno === 1290 && /read.only/i.test(String((error as { message?: unknown }).message))
}

export function mysqlRefusalOf(error: unknown): ConnectRefusal | undefined {
  return typeof error === 'object' && error !== null ? REFUSALS.get((error as { errno?: unknown }).errno) : undefined
}

/** An error about the statement is an answer too; only the server numbers its errors so. */
export function isMysqlAnswer(error: unknown): boolean {
  const { errno, sqlState } = error as { errno?: unknown; sqlState?: unknown }
  return typeof errno === 'number' && errno > 0 && sqlState !== undefined && mysqlHarmOf(error) === 'statement'
}
