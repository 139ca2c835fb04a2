import { EventEmitter } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import type { Driver } from './driver.ts'
import { mariadbDriver, type MariadbConnection } from './mariadb.ts'
import { mysqlDriver, type MysqlConnection } from './mysql.ts'
import { mysql2Driver, type Mysql2Connection } from './mysql2.ts'

type Callback = (error: unknown, rows?: unknown) => void

/** As much of a connection of mysql, mysql2 or mariadb as the drivers see. */
class FakeConnection extends EventEmitter {
  readonly sent: { readonly what: string; readonly answer: Callback }[] = []
  readonly destroy = vi.fn<() => void>()
  readonly stream = Object.assign(new EventEmitter(), { destroy: vi.fn<(error?: Error) => void>(), destroyed: false, closed: false, bytesWritten: 42 })
  readonly _socket = { destroy: vi.fn<(error?: Error) => void>(), bytesWritten: 43 }
  state = 'authenticated'
  _fatalError: unknown
  _protocolError: unknown
  _closing = false
  valid = true

  ping(...args: readonly unknown[]): void {
    this.#send(args.length === 2 ? `COM_PING within ${String(args[0])} ms` : 'COM_PING', args.at(-1))
  }

  query(text: string, callback: Callback): void {
    this.#send(text, callback)
  }

  reset(callback: Callback): void {
    this.#send('COM_RESET_CONNECTION', callback)
  }

  changeUser(...args: readonly unknown[]): void {
    this.#send('COM_CHANGE_USER', args.at(-1))
  }

  isValid(): boolean {
    return this.valid
  }

  #send(what: string, callback: unknown): void {
    this.sent.push({ what, answer: callback as Callback })
  }

  answer(error?: unknown, rows?: unknown): void {
    this.sent.shift()?.answer(error, rows)
  }
}

const DRIVERS: readonly (readonly [string, Driver<FakeConnection>])[] = [
  ['mysql', mysqlDriver],
  ['mysql2', mysql2Driver],
  ['mariadb', mariadbDriver],
]

const tableMissing = Object.assign(new Error('no such table'), { errno: 1146, sqlState: '42S02' })
const lost = Object.assign(new Error('Connection lost'), { code: 'PROTOCOL_CONNECTION_LOST', fatal: true })

describe.each(DRIVERS)('%s', (_, driver) => {
  describe('a check', () => {
    test('is a ping, and any callback without an error answers it', async () => {
      for (const nothing of [null, undefined]) {
        const connection = new FakeConnection()
        const check = driver.validate(connection)
        expect(connection.sent.map(({ what }) => what)).toEqual(['COM_PING'])
        connection.answer(nothing)
        await expect(check).resolves.toBeUndefined()
      }
    })

    test('is the user’s own text, when there is one', async () => {
      const connection = new FakeConnection()
      const check = driver.validate(connection, 'SELECT 1')
      expect(connection.sent.map(({ what }) => what)).toEqual(['SELECT 1'])
      connection.answer(null)
      await expect(check).resolves.toBeUndefined()
    })

    test('is passed by an error about the statement: the server answered', async () => {
      const connection = new FakeConnection()
      const check = driver.validate(connection, 'SELECT nonsense')
      connection.answer(tableMissing)
      await expect(check).resolves.toBeUndefined()
    })

    test.each([[lost], [new Error('something in the client')]])('is failed by %s', async (error) => {
      for (const text of [undefined, 'SELECT 1']) {
        const connection = new FakeConnection()
        const check = driver.validate(connection, text)
        connection.answer(error)
        await expect(check).rejects.toBe(error)
      }
    })

    test('that fails with something else than an error rejects with an error that carries it', async () => {
      const connection = new FakeConnection()
      const check = driver.validate(connection)
      connection.answer('a text')
      await expect(check).rejects.toMatchObject({ cause: 'a text' })
    })

    test('on a connection that throws is a rejection, and not a throw', async () => {
      const connection = new FakeConnection()
      connection.ping = () => {
        throw new Error('connection is broken')
      }
      await expect(driver.validate(connection)).rejects.toThrow('connection is broken')
    })
  })

  test.each([
    [0, true],
    ['0', true],
    [1, false],
    ['1', false],
    [null, true],
  ])('a server that says %j to read_only is writable: %s', async (readOnly, isWritable) => {
    const connection = new FakeConnection()
    const role = driver.isWritable?.(connection)
    expect(connection.sent[0]?.what).toContain('read_only')
    connection.answer(null, [{ readOnly }])
    await expect(role).resolves.toBe(isWritable)
  })

  test('a question for the role that fails says nothing of it', async () => {
    const connection = new FakeConnection()
    const role = driver.isWritable?.(connection)
    connection.answer(lost)
    await expect(role).rejects.toBe(lost)
  })

  test('a rollback is a rollback, and fails with any error', async () => {
    const connection = new FakeConnection()
    const done = driver.rollback?.(connection)
    expect(connection.sent[0]?.what).toBe('rollback')
    connection.answer(null)
    await expect(done).resolves.toBeUndefined()
    const failed = driver.rollback?.(connection)
    connection.answer(tableMissing)
    await expect(failed).rejects.toBe(tableMissing)
  })

  test('its errors are judged as MySQL’s', () => {
    expect([driver.harmOf(lost), driver.harmOf(tableMissing), driver.harmOf({ errno: 1053 })]).toEqual(['connection', 'statement', 'server'])
    expect([driver.refusalOf({ errno: 1040 }), driver.refusalOf({ errno: 1045 })]).toEqual(['full', 'credentials'])
  })

  test('a death is told once, and its errors end nobody’s process', () => {
    const connection = new FakeConnection()
    const onDeath = vi.fn<(error: unknown) => void>()
    driver.watch(connection, onDeath)
    connection.emit('error', lost)
    connection.emit('end')
    expect(onDeath).toHaveBeenCalledExactlyOnceWith(lost)
  })
})

describe('the session', () => {
  test.each<[string, Driver<FakeConnection>, string]>([
    ['mysql', DRIVERS[0]?.[1] as Driver<FakeConnection>, 'COM_CHANGE_USER'],
    ['mysql2', DRIVERS[1]?.[1] as Driver<FakeConnection>, 'COM_RESET_CONNECTION'],
    ['mariadb', DRIVERS[2]?.[1] as Driver<FakeConnection>, 'COM_RESET_CONNECTION'],
  ])('of %s is reset by %3$s', async (_, driver, what) => {
    const connection = new FakeConnection()
    const done = driver.reset?.(connection)
    expect(connection.sent[0]?.what).toBe(what)
    connection.answer(null)
    await expect(done).resolves.toBeUndefined()
  })
})

test('the session of an earlier mysql2, which knows no COM_RESET_CONNECTION, begins anew as the same user', async () => {
  const connection = new FakeConnection()
  Object.defineProperty(connection, 'reset', { value: undefined })
  const done = mysql2Driver.reset?.(connection)
  expect(connection.sent[0]?.what).toBe('COM_CHANGE_USER')
  connection.answer(null)
  await expect(done).resolves.toBeUndefined()
})

describe('a broken connection', () => {
  test.each<[string, Partial<Mysql2Connection>, boolean]>([
    ['in order', {}, false],
    ['with a fatal error', { _fatalError: new Error('lost') }, true],
    ['with a protocol error', { _protocolError: new Error('lost') }, true],
    ['that is closing', { _closing: true }, true],
  ])('mysql2: one %s', (_, state, expected) => {
    const connection = Object.assign(new FakeConnection(), state) as unknown as Mysql2Connection
    expect(mysql2Driver.isBroken(connection)).toBe(expected)
  })

  test('mysql2: one whose socket is destroyed', () => {
    const connection = new FakeConnection()
    connection.stream.destroyed = true
    expect(mysql2Driver.isBroken(connection as unknown as Mysql2Connection)).toBe(true)
  })

  test.each([
    ['connected', false],
    ['authenticated', false],
    ['disconnected', true],
    ['protocol_error', true],
  ])('mysql: one that is %s', (state, expected) => {
    const connection = Object.assign(new FakeConnection(), { state }) as unknown as MysqlConnection
    expect(mysqlDriver.isBroken(connection)).toBe(expected)
  })

  test('mariadb: one that says so itself', () => {
    const connection = new FakeConnection()
    expect(mariadbDriver.isBroken(connection as unknown as MariadbConnection)).toBe(false)
    connection.valid = false
    expect(mariadbDriver.isBroken(connection as unknown as MariadbConnection)).toBe(true)
  })
})

describe('destroying', () => {
  test('mysql2: ends the socket with an error for those who wait, and not only with a goodbye', () => {
    const connection = new FakeConnection()
    mysql2Driver.destroy(connection)
    expect(connection.stream.destroy).toHaveBeenCalledExactlyOnceWith(expect.any(Error))
    expect(connection.destroy).toHaveBeenCalledTimes(1)
    expect(() => connection.emit('error', new Error('late'))).not.toThrow()
  })

  test('mysql: ends the socket with an error for those who wait', () => {
    const connection = new FakeConnection()
    mysqlDriver.destroy(connection)
    expect(connection._socket.destroy).toHaveBeenCalledExactlyOnceWith(expect.any(Error))
    expect(connection.destroy).toHaveBeenCalledTimes(1)
    expect(() => connection.emit('error', new Error('late'))).not.toThrow()
  })

  test('mariadb: a peer that does not answer even a ping is ended by its deadline, without a second connection', () => {
    const connection = new FakeConnection()
    mariadbDriver.destroy(connection)
    expect(connection.sent.map(({ what }) => what)).toEqual(['COM_PING within 1 ms'])
    connection.answer(new Error('ping timed out'))
    expect(connection.destroy).not.toHaveBeenCalled()
  })

  test('mariadb: a peer that answers is destroyed in its own way', () => {
    const connection = new FakeConnection()
    mariadbDriver.destroy(connection)
    connection.answer(null)
    expect(connection.destroy).toHaveBeenCalledTimes(1)
  })

  test('mariadb: one that is broken already is left alone', () => {
    const connection = new FakeConnection()
    connection.valid = false
    mariadbDriver.destroy(connection)
    expect(connection.sent).toEqual([])
  })
})

describe('mysql2: a goodbye', () => {
  test('is over when the socket is closed, and not when it is written', async () => {
    const connection = new FakeConnection()
    const isClosed = vi.fn<() => void>()
    const closed = mysql2Driver.whenClosed?.(connection).then(isClosed)
    await Promise.resolve()
    expect(isClosed).not.toHaveBeenCalled()
    connection.stream.emit('close')
    await closed
    expect(isClosed).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['is closed already', { stream: { closed: true } }],
    ['is out of reach', { stream: undefined }],
  ])('is over at once when the socket %s', async (_, state) => {
    await mysql2Driver.whenClosed?.(Object.assign(new FakeConnection(), state))
  })
})

test('what was written is known where the socket is in reach', () => {
  const connection = new FakeConnection()
  expect(DRIVERS.map(([, driver]) => driver.bytesWritten(connection))).toEqual([43, 42, undefined])
})

describe('whether a statement is under way', () => {
  test('is what the books of mysql and mysql2 say; those of mariadb are closed', () => {
    const connection = new FakeConnection()
    const ask = (): unknown[] => DRIVERS.map(([, driver]) => driver.isBusy?.(connection))
    expect(ask()).toEqual([false, false, undefined])
    Object.assign(connection, { _protocol: { _queue: [{}] }, _command: {} })
    expect(ask()).toEqual([true, true, undefined])
    Object.assign(connection, { _protocol: { _queue: [] }, _command: undefined })
    expect(ask()).toEqual([false, false, undefined])
  })
})
