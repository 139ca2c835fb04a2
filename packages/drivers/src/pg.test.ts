import { EventEmitter } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import { pgDriver, type PgClient } from './pg.ts'

interface Submittable {
  submit(connection: object): void
  handleReadyForQuery(connection: object): void
  handleError(error: unknown, connection: object): void
}

type Callback = (error: unknown, result?: { readonly rows: readonly unknown[] }) => void

/** As much of a `pg.Client` as the driver sees. */
class FakeClient extends EventEmitter implements PgClient {
  readonly stream = { destroy: vi.fn<() => void>(), destroyed: false, bytesWritten: 42 }
  readonly connection?: { readonly stream: FakeClient['stream']; sync(): void }
  readonly pipeline: boolean
  /** What was sent, and how the answer comes in. */
  readonly sent: { readonly what: string; readonly answer: Callback }[] = []
  status: string | null = null

  constructor({ pipeline = false, native = false } = {}) {
    super()
    this.pipeline = pipeline
    if (!native) this.connection = { stream: this.stream, sync: () => {} }
  }

  getTransactionStatus(): string | null {
    return this.status
  }

  query(query: string | object, callback?: Callback): void {
    if (typeof query === 'string') this.sent.push({ what: query, answer: callback ?? (() => {}) })
    else this.#submit(query as Submittable)
  }

  /** pg's own order: submit when it is its turn, then ReadyForQuery, or an error. */
  #submit(query: Submittable): void {
    const connection = this.connection ?? {}
    const sync = vi.fn<() => void>()
    query.submit({ ...connection, sync })
    this.sent.push({
      what: sync.mock.calls.length === 1 ? 'Sync' : 'nothing',
      answer: (error) => (error === undefined ? query.handleReadyForQuery(connection) : query.handleError(error, connection)),
    })
  }

  answer(error?: unknown, rows?: readonly unknown[]): void {
    this.sent.shift()?.answer(error, rows && { rows })
  }
}

function pgError(code: string, severity: string = 'ERROR'): Error {
  return Object.assign(new Error('said the server'), { code, severity })
}

describe('how much an error harms', () => {
  test.each<[string, unknown, string]>([
    ['admin_shutdown', pgError('57P01', 'FATAL'), 'server'],
    ['crash_shutdown', pgError('57P02', 'FATAL'), 'server'],
    ['cannot_connect_now', pgError('57P03', 'FATAL'), 'server'],
    ['read_only_sql_transaction: the role has changed', pgError('25006'), 'server'],
    ['connection_exception', pgError('08000'), 'connection'],
    ['connection_failure', pgError('08006'), 'connection'],
    ['idle_session_timeout', pgError('57P05', 'FATAL'), 'connection'],
    ['idle_in_transaction_session_timeout', pgError('25P03', 'FATAL'), 'connection'],
    ['any panic', pgError('XX000', 'PANIC'), 'connection'],
    ['a socket that was reset', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), 'connection'],
    ['a broken pipe, whose code looks like a SQLSTATE', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }), 'connection'],
    ['what pg says of a lost client', new Error('Connection terminated unexpectedly'), 'connection'],
    ['what pg says of a client that was ended', new Error('Connection terminated'), 'connection'],
    ['what pg says afterwards', new Error('Client has encountered a connection error and is not queryable'), 'connection'],
    ['what pg says of a closed client', new Error('Client was closed and is not queryable'), 'connection'],
    ['a unique violation', pgError('23505'), 'statement'],
    ['a syntax error', pgError('42601'), 'statement'],
    ['a cancelled query', pgError('57014'), 'statement'],
    ['a failed transaction', pgError('25P02'), 'statement'],
    ['a deadlock', pgError('40P01'), 'statement'],
    ['an internal error that is not fatal', pgError('XX000'), 'statement'],
    ['an error of the application', new TypeError('x is not a function'), 'statement'],
    ['an application’s text that only mentions a connection', new Error('lost: Connection terminated'), 'statement'],
    ['no error at all', undefined, 'statement'],
    ['a text', 'Connection terminated', 'statement'],
    ['null', null, 'statement'],
  ])('%s', (_, error, harm) => {
    expect(pgDriver.harmOf(error)).toBe(harm)
  })

  test('a query that got no answer in time harms the connection: it still runs on it', () => {
    expect(pgDriver.harmOf(new Error('Query read timeout'))).toBe('connection')
  })

  test.each([
    ['53300', 'full'],
    ['28P01', 'credentials'],
    ['28000', 'credentials'],
    ['3D000', 'credentials'],
    ['42501', 'credentials'],
    ['53400', undefined],
    ['57P03', undefined],
    ['ECONNREFUSED', undefined],
  ])('%s refuses a connect as: %s', (code, refusal) => {
    expect(pgDriver.refusalOf(pgError(code))).toBe(refusal)
  })

  test('a password that the method of the server can do nothing with is a matter of credentials', () => {
    const error = new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string')
    expect(pgDriver.refusalOf(error)).toBe('credentials')
  })

  test.each([[undefined], [null], ['53300'], [new Error('Connection terminated unexpectedly')]])('%s refuses nothing', (error) => {
    expect(pgDriver.refusalOf(error)).toBeUndefined()
  })
})

describe('a check', () => {
  test('is a bare Sync through the client’s own queue, and ReadyForQuery answers it', async () => {
    const client = new FakeClient()
    const check = pgDriver.validate(client)
    expect(client.sent.map(({ what }) => what)).toEqual(['Sync'])
    client.answer()
    await expect(check).resolves.toBeUndefined()
  })

  test('goes on waiting until the answer comes', async () => {
    const client = new FakeClient()
    const settled = vi.fn<() => void>()
    const check = pgDriver.validate(client).then(settled, settled)
    await Promise.resolve()
    expect(settled).not.toHaveBeenCalled()
    client.answer()
    await check
    expect(settled).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['in pipeline mode, which refuses foreign Submittables', { pipeline: true }],
    ['over libpq, where there is no wire to write to', { native: true }],
  ])('is an empty query %s', async (_, options) => {
    const client = new FakeClient(options)
    const check = pgDriver.validate(client)
    expect(client.sent.map(({ what }) => what)).toEqual([''])
    client.answer(null)
    await expect(check).resolves.toBeUndefined()
  })

  test('is the user’s own text, when there is one, also in pipeline mode', async () => {
    for (const pipeline of [false, true]) {
      const client = new FakeClient({ pipeline })
      const check = pgDriver.validate(client, 'SELECT 1')
      expect(client.sent.map(({ what }) => what)).toEqual(['SELECT 1'])
      client.answer(null)
      await expect(check).resolves.toBeUndefined()
    }
  })

  test.each(['42601', '25P02', '57014', '42501'])('is passed by an error about the statement: the server answered (%s)', async (code) => {
    const client = new FakeClient()
    const check = pgDriver.validate(client, 'SELECT nonsense')
    client.answer(pgError(code))
    await expect(check).resolves.toBeUndefined()
  })

  test.each<[string, unknown]>([
    ['a socket error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })],
    ['a shutdown', pgError('57P01', 'FATAL')],
    ['a change of role', pgError('25006')],
    ['a client that is not queryable', new Error('Client was closed and is not queryable')],
    ['any error that the server did not send', new Error('something in the client')],
  ])('is failed by %s, and says why', async (_, error) => {
    for (const text of [undefined, 'SELECT 1']) {
      const client = new FakeClient()
      const check = pgDriver.validate(client, text)
      client.answer(error)
      await expect(check).rejects.toBe(error)
    }
  })

  test.each(['EPERM', 'EBUSY', 'EINTR'])('a system error is no SQLSTATE: %s', async (code) => {
    const client = new FakeClient()
    const check = pgDriver.validate(client)
    client.answer(Object.assign(new Error(`write ${code}`), { code }))
    await expect(check).rejects.toMatchObject({ code })
  })

  test('that fails without an error still fails, with one', async () => {
    const client = new FakeClient()
    const check = pgDriver.validate(client)
    client.answer(null)
    await expect(check).rejects.toThrow('failed without an error')
  })

  test('that fails with something else than an error rejects with an error that carries it', async () => {
    const client = new FakeClient()
    const check = pgDriver.validate(client, 'SELECT 1')
    client.answer('a text')
    await expect(check).rejects.toMatchObject({ message: 'a text', cause: 'a text' })
  })

  test('on a client that throws is a rejection, and not a throw', async () => {
    const client = new FakeClient()
    client.query = () => {
      throw new Error('client is broken')
    }
    await expect(pgDriver.validate(client)).rejects.toThrow('client is broken')
  })
})

describe('the role', () => {
  test.each([
    ['off', true],
    ['on', false],
  ])('transaction_read_only %s: writable %s', async (value, isWritable) => {
    const client = new FakeClient()
    const role = pgDriver.isWritable?.(client)
    expect(client.sent[0]?.what).toBe('show transaction_read_only')
    client.answer(null, [{ transaction_read_only: value }])
    await expect(role).resolves.toBe(isWritable)
  })

  test('a question that fails says nothing of the role', async () => {
    const client = new FakeClient()
    const role = pgDriver.isWritable?.(client)
    client.answer(pgError('57P01', 'FATAL'))
    await expect(role).rejects.toMatchObject({ code: '57P01' })
  })
})

describe('the session', () => {
  test.each([
    ['I', 'idle'],
    ['T', 'open'],
    ['E', 'failed'],
    [null, undefined],
    ['?', undefined],
  ])('ReadyForQuery said %s: %s', (status, expected) => {
    const client = new FakeClient()
    client.status = status
    expect(pgDriver.transactionStatus?.(client)).toBe(expected)
  })

  test('an older pg does not tell', () => {
    const client = Object.assign(new FakeClient(), { getTransactionStatus: undefined })
    expect(pgDriver.transactionStatus?.(client as unknown as PgClient)).toBeUndefined()
  })

  test.each([
    ['rollback', 'rollback'],
    ['reset', 'discard all'],
  ] as const)('%s is `%s`, and fails with any error', async (method, text) => {
    const client = new FakeClient()
    const done = pgDriver[method]?.(client)
    expect(client.sent[0]?.what).toBe(text)
    client.answer(null)
    await expect(done).resolves.toBeUndefined()
    const failed = pgDriver[method]?.(client)
    client.answer(pgError('25001'))
    await expect(failed).rejects.toMatchObject({ code: '25001' })
  })

  test.each(['T', 'E'])('a transaction that is open (%s) is rolled back before the session is reset', async (status) => {
    const client = new FakeClient()
    client.status = status
    const done = pgDriver.reset?.(client)
    expect(client.sent[0]?.what).toBe('rollback')
    client.answer(null)
    await vi.waitFor(() => expect(client.sent[0]?.what).toBe('discard all'))
    client.answer(null)
    await expect(done).resolves.toBeUndefined()
  })
})

describe('the socket', () => {
  test('is destroyed without a farewell', () => {
    const client = new FakeClient()
    pgDriver.destroy(client)
    expect(client.stream.destroy).toHaveBeenCalledTimes(1)
    expect(client.sent).toEqual([])
  })

  test('is known to be broken when it is destroyed', () => {
    const client = new FakeClient()
    expect(pgDriver.isBroken(client)).toBe(false)
    client.stream.destroyed = true
    expect(pgDriver.isBroken(client)).toBe(true)
  })

  test('says how much was written to it', () => {
    expect(pgDriver.bytesWritten(new FakeClient())).toBe(42)
  })

  test('is out of reach over libpq, which breaks nothing', () => {
    const client = new FakeClient({ native: true })
    expect(() => pgDriver.destroy(client)).not.toThrow()
    expect([pgDriver.isBroken(client), pgDriver.bytesWritten(client)]).toEqual([false, undefined])
  })
})

test('a statement is under way until the server is ready for the next', () => {
  const client = new FakeClient()
  expect(pgDriver.isBusy?.(client)).toBeUndefined()
  const ask = (readyForQuery: boolean): unknown => pgDriver.isBusy?.(Object.assign(client, { readyForQuery }))
  expect([ask(true), ask(false)]).toEqual([false, true])
})

test('a client of libpq is at work while libpq has no transaction status to tell', () => {
  const client = Object.assign(new FakeClient({ native: true }), { native: new EventEmitter() })
  expect(pgDriver.isBusy?.(client)).toBe(true)
  client.status = 'I'
  expect(pgDriver.isBusy?.(client)).toBe(false)
})

describe('the traffic', () => {
  test('of a client of libpq is heard at libpq, before its own user hears of it', () => {
    const native = new EventEmitter()
    const heard: string[] = []
    native.on('readyForQuery', () => heard.push('client'))
    const client = Object.assign(new FakeClient({ native: true }), { native })
    const stop = pgDriver.listen?.(client, { answered: () => heard.push('answered'), failed: () => heard.push('failed') })
    native.emit('readyForQuery')
    stop?.()
    native.emit('readyForQuery')
    expect(heard).toEqual(['answered', 'client', 'client'])
  })

  class Wire extends EventEmitter {
    readonly stream = { destroy: (): void => {} }
    sync(): void {}
  }

  /** What is heard on a client, and what its own listener hears, in order. */
  function listening(client: PgClient & { readonly connection: Wire }): { heard: unknown[]; stop(): void } {
    const heard: unknown[] = []
    for (const event of ['readyForQuery', 'errorMessage']) client.connection.on(event, () => heard.push('client'))
    const stop = pgDriver.listen?.(client, { answered: () => heard.push('answered'), failed: (error) => heard.push(error) })
    return { heard, stop: stop ?? (() => {}) }
  }

  const olderClient = (): PgClient & { readonly connection: Wire } =>
    Object.assign(new FakeClient(), { connection: new Wire(), getTransactionStatus: undefined })

  test('is heard before the client acts upon it, until nobody listens any more', () => {
    const client = olderClient()
    const { heard, stop } = listening(client)
    const error = pgError('42P01')
    client.connection.emit('errorMessage', error)
    client.connection.emit('readyForQuery', { status: 'I' })
    expect(heard).toEqual([error, 'client', 'answered', 'client'])
    stop()
    client.connection.emit('readyForQuery', { status: 'I' })
    expect(heard.at(-1)).toBe('client')
    expect(heard).toHaveLength(5)
  })

  test('tells of the transaction what an older pg does not keep', () => {
    const client = olderClient()
    listening(client)
    for (const [status, expected] of Object.entries({ T: 'open', E: 'failed', I: 'idle' })) {
      client.connection.emit('readyForQuery', { status })
      expect(pgDriver.transactionStatus?.(client)).toBe(expected)
    }
  })

  test('is out of reach where there is no wire', () => {
    const client = new FakeClient({ native: true })
    expect(() => pgDriver.listen?.(client, { answered: () => {}, failed: () => {} })()).not.toThrow()
  })
})
