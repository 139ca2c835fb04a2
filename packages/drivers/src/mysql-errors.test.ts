import { describe, expect, test } from 'vitest'
import { isMysqlAnswer, mysqlHarmOf, mysqlRefusalOf } from './mysql-errors.ts'

function serverError(errno: number, message: string = 'said the server'): Error {
  return Object.assign(new Error(message), { errno, sqlState: 'HY000', code: `ER_${errno}` })
}

function clientError(code: string, fatal?: boolean): Error {
  return Object.assign(new Error(code), { code, ...(fatal !== undefined && { fatal }) })
}

describe('how much an error harms', () => {
  test.each<[string, unknown, string]>([
    ['ER_SERVER_SHUTDOWN', serverError(1053), 'server'],
    ['ER_OPTION_PREVENTS_STATEMENT on a read-only server', serverError(1290, 'running with the --read-only option so it cannot execute this statement'), 'server'],
    ['ER_OPTION_PREVENTS_STATEMENT on a super-read-only server', serverError(1290, 'running with the --super-read-only option'), 'server'],
    ['ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION', serverError(1792), 'server'],
    ['ER_READ_ONLY_MODE', serverError(1836), 'server'],
    ['ER_CONNECTION_KILLED', serverError(1927), 'connection'],
    ['CR_SERVER_GONE_ERROR', serverError(2006), 'connection'],
    ['CR_SERVER_LOST', serverError(2013), 'connection'],
    ['ER_CLIENT_INTERACTION_TIMEOUT', serverError(4031), 'connection'],
    ['what the client calls fatal', clientError('ER_SOMETHING', true), 'connection'],
    ['PROTOCOL_CONNECTION_LOST', clientError('PROTOCOL_CONNECTION_LOST'), 'connection'],
    ['PROTOCOL_SEQUENCE_TIMEOUT: a query that got no answer in time', clientError('PROTOCOL_SEQUENCE_TIMEOUT'), 'connection'],
    ['a socket that was reset', Object.assign(clientError('ECONNRESET'), { errno: -104 }), 'connection'],
    ['a duplicate key', serverError(1062), 'statement'],
    ['a deadlock', serverError(1213), 'statement'],
    ['a lock wait that timed out', serverError(1205), 'statement'],
    ['an interrupted query', serverError(1317), 'statement'],
    ['an error of the client that is not fatal', clientError('ER_SOMETHING', false), 'statement'],
    ['an error of the application', new TypeError('x is not a function'), 'statement'],
    ['no error at all', undefined, 'statement'],
    ['null', null, 'statement'],
    ['a text', 'PROTOCOL_CONNECTION_LOST', 'statement'],
  ])('%s', (_, error, harm) => {
    expect(mysqlHarmOf(error)).toBe(harm)
  })

  test('only a read-only server has changed its role: other options prevent a statement only', () => {
    const error = serverError(1290, 'The MySQL server is running with the --secure-file-priv option so it cannot execute this statement')
    expect(mysqlHarmOf(error)).toBe('statement')
  })
})

describe('why a connect is refused', () => {
  test.each([
    ['ER_CON_COUNT_ERROR', 1040, 'full'],
    ['ER_TOO_MANY_USER_CONNECTIONS', 1203, 'full'],
    ['ER_USER_LIMIT_REACHED', 1226, 'full'],
    ['ER_DBACCESS_DENIED_ERROR', 1044, 'credentials'],
    ['ER_ACCESS_DENIED_ERROR', 1045, 'credentials'],
    ['ER_BAD_DB_ERROR', 1049, 'credentials'],
    ['ER_HOST_NOT_PRIVILEGED', 1130, 'credentials'],
    ['ER_NOT_SUPPORTED_AUTH_MODE', 1251, 'credentials'],
    ['ER_ACCESS_DENIED_NO_PASSWORD_ERROR', 1698, 'credentials'],
    ['ER_MUST_CHANGE_PASSWORD_LOGIN', 1862, 'credentials'],
    ['ER_ACCOUNT_HAS_BEEN_LOCKED', 3118, 'credentials'],
    ['ER_ACCOUNT_HAS_BEEN_LOCKED of MariaDB', 4151, 'credentials'],
    ['ER_HOST_IS_BLOCKED', 1129, undefined],
    ['ER_SERVER_SHUTDOWN', 1053, undefined],
  ])('%s: %d, %s', (_, errno, expected) => {
    expect(mysqlRefusalOf(serverError(errno))).toBe(expected)
  })

  test.each([[undefined], [null], [1040], [{ code: 'ER_CON_COUNT_ERROR' }]])('%j says nothing of the kind', (error) => {
    expect(mysqlRefusalOf(error)).toBeUndefined()
  })
})

describe('an answer', () => {
  test.each<[string, object, boolean]>([
    ['an error about the statement', serverError(1146), true],
    ['an error that condemns the connection', serverError(1927), false],
    ['an error that condemns the server', serverError(1053), false],
    ['an error of the client: the server gave it no SQL state', { errno: 1146 }, false],
    ['an error of the system: its number is negative', { errno: -104, sqlState: '08S01' }, false],
    ['an error without a number', { sqlState: 'HY000' }, false],
    ['a fatal one', { errno: 1146, sqlState: '42S02', fatal: true }, false],
  ])('%s: %s', (_, error, expected) => {
    expect(isMysqlAnswer(error)).toBe(expected)
  })
})
