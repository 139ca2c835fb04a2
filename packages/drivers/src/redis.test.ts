import { EventEmitter } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import { redisDriver } from './redis.ts'

type Callback = (error: unknown, reply?: unknown) => void

/** As much of an ioredis client as the driver sees. */
class FakeClient extends EventEmitter {
  readonly sent: { readonly words: readonly string[]; readonly answer: Callback }[] = []
  readonly stream = Object.assign(new EventEmitter(), { destroy: vi.fn<() => void>(), destroyed: false, closed: false, bytesWritten: 7 })
  readonly disconnect = vi.fn<(reconnect?: boolean) => void>()
  readonly settled: Error[] = []
  readonly options = {}
  commandQueue = { length: 0 }
  status = 'ready'

  ping(answer: Callback): void {
    this.sent.push({ words: ['ping'], answer })
  }

  call(command: string, args: readonly string[], answer: Callback): void {
    this.sent.push({ words: [command, ...args], answer })
  }

  handleReconnection(error: Error): void {
    this.settled.push(error)
  }

  answer(error?: unknown, reply?: unknown): void {
    this.sent.shift()?.answer(error, reply)
  }
}

const readonly = new Error("READONLY You can't write against a read only replica.")
const closed = new Error('Connection is closed.')

describe('errors of Redis', () => {
  test.each([
    ["READONLY You can't write against a read only replica.", 'server'],
    ['LOADING Redis is loading the dataset in memory', 'server'],
    ['CLUSTERDOWN The cluster is down', 'server'],
    ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 'server'],
    ['UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)', 'server'],
    ['UNBLOCKED client unblocked via CLIENT UNBLOCK', 'statement'],
    ['NOAUTH Authentication required.', 'connection'],
    ['Connection is closed.', 'connection'],
    ['Command aborted due to connection close', 'connection'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'statement'],
    ['MOVED 3999 127.0.0.1:6381', 'statement'],
    ['Command timed out', 'statement'],
  ] as const)('%s harms the %s', (message, harm) => {
    expect(redisDriver.harmOf(new Error(message))).toBe(harm)
  })

  test.each([
    ['WRONGPASS invalid username-password pair or user is disabled.', 'credentials'],
    ['NOAUTH Authentication required.', 'credentials'],
    ['ERR invalid password', 'credentials'],
    ['ERR DB index is out of range', 'credentials'],
    ['ERR max number of clients reached', 'full'],
    ['LOADING Redis is loading the dataset in memory', undefined],
  ] as const)('%s, said to a connect, means %s', (message, refusal) => {
    expect(redisDriver.refusalOf(new Error(message))).toBe(refusal)
  })

  test('a lost socket is told by its code, and what is no error harms nothing', () => {
    expect(redisDriver.harmOf(Object.assign(new Error('read'), { code: 'ECONNRESET' }))).toBe('connection')
    expect([redisDriver.harmOf(undefined), redisDriver.refusalOf('WRONGPASS')]).toEqual(['statement', undefined])
  })
})

describe('a check', () => {
  test('is a PING, or the words of the policy', () => {
    const client = new FakeClient()
    void redisDriver.validate(client)
    void redisDriver.validate(client, 'echo  hello ')
    expect(client.sent.map(({ words }) => words)).toEqual([['ping'], ['echo', 'hello']])
  })

  test('is answered by an error about the command as well', async () => {
    const client = new FakeClient()
    const checked = redisDriver.validate(client)
    client.answer(new Error("NOPERM this user has no permissions to run the 'ping' command"))
    await expect(checked).resolves.toBeUndefined()
  })

  test.each([new Error('LOADING Redis is loading the dataset in memory'), closed])('fails with %s', async (error) => {
    const client = new FakeClient()
    const checked = redisDriver.validate(client)
    client.answer(error)
    await expect(checked).rejects.toBe(error)
  })

  test.each([
    [['master', 0, []], true],
    [['slave', '127.0.0.1', 6379], false],
  ])('of the role takes %j', async (reply, isWritable) => {
    const client = new FakeClient()
    const asked = redisDriver.isWritable?.(client)
    client.answer(null, reply)
    await expect(asked).resolves.toBe(isWritable)
  })
})

describe('a login with other credentials', () => {
  test.each([
    [{ password: 'secret' }, ['auth', 'secret']],
    [{ user: 'app', password: 'secret' }, ['auth', 'app', 'secret']],
  ])('is an AUTH with what there is of %j', async (credentials, words) => {
    const client = new FakeClient()
    const done = redisDriver.reauthenticate?.(client, credentials)
    expect(client.sent[0]?.words).toEqual(words)
    client.answer(null, 'OK')
    await expect(done).resolves.toBeUndefined()
  })

  test('that is refused says so', async () => {
    const client = new FakeClient()
    const done = redisDriver.reauthenticate?.(client, { password: 'old' })
    const refusal = new Error('WRONGPASS invalid username-password pair or user is disabled.')
    client.answer(refusal)
    await expect(done).rejects.toBe(refusal)
    expect([redisDriver.refusalOf(refusal), redisDriver.harmOf(refusal)]).toEqual(['credentials', 'statement'])
  })
})

describe('what is seen without asking', () => {
  test.each(['wait', 'reconnecting', 'close', 'end'])('a client is of no use while it is in status %s', (status) => {
    expect(redisDriver.isBroken(Object.assign(new FakeClient(), { status }))).toBe(true)
  })

  test('neither is one whose socket was destroyed', () => {
    const client = new FakeClient()
    expect(redisDriver.isBroken(client)).toBe(false)
    client.stream.destroyed = true
    expect(redisDriver.isBroken(client)).toBe(true)
  })

  test('it is busy while commands wait for their answers', () => {
    const client = new FakeClient()
    expect(redisDriver.isBusy?.(client)).toBe(false)
    client.commandQueue.length = 1
    expect(redisDriver.isBusy?.(client)).toBe(true)
  })
})

test('the hard close waits for nobody, and an error that comes late is nobody’s crash', () => {
  const client = new FakeClient()
  redisDriver.destroy(client)
  expect(client.disconnect).toHaveBeenCalledWith(false)
  expect(client.stream.destroy).toHaveBeenCalledOnce()
  expect(() => client.emit('error', closed)).not.toThrow()
})

test('closed is a client when its socket is', async () => {
  const client = new FakeClient()
  const gone = redisDriver.whenClosed?.(client)
  client.stream.emit('close')
  await expect(gone).resolves.toBeUndefined()
})

describe('a death', () => {
  test('is told once, with the error that came before it', () => {
    const client = new FakeClient()
    const deaths: unknown[] = []
    redisDriver.watch(client, (error) => deaths.push(error))
    const reset = new Error('read ECONNRESET')
    client.emit('error', reset)
    expect(deaths).toEqual([])
    client.emit('close')
    client.emit('end')
    expect(deaths).toEqual([reset])
  })

  test('without an error says that the other side closed, and nothing once it is not watched any more', () => {
    const client = new FakeClient()
    const deaths: unknown[] = []
    redisDriver.watch(client, (error) => deaths.push(error))
    client.emit('end')
    expect(String(deaths[0])).toContain('closed by the other side')
    const other = new FakeClient()
    redisDriver.watch(other, (error) => deaths.push(error))()
    other.emit('end')
    expect(deaths).toHaveLength(1)
  })
})

test('what the server says is heard before the caller hears of it, until it is not listened to any more', () => {
  const client = new FakeClient()
  const heard: unknown[] = []
  const stop = redisDriver.listen?.(client, { answered: () => heard.push('answer'), failed: (error) => heard.push(error) })
  client.stream.emit('data')
  client.handleReconnection(readonly)
  expect(heard).toEqual(['answer', readonly])
  expect(client.settled).toEqual([readonly])
  stop?.()
  client.stream.emit('data')
  client.handleReconnection(closed)
  expect(heard).toHaveLength(2)
  expect(client.settled).toEqual([readonly, closed])
})
