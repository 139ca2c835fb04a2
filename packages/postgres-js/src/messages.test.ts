import { describe, expect, test } from 'vitest'
import { type Asked, cleanStartup, errorFields, follow, greetingOf, queryMessage, ServerMessages, SSL_REQUEST, SYNC_MESSAGE } from './messages.ts'

function message(type: string, body = ''): Buffer {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, Buffer.from(body)])
}

function startup(parameters: Readonly<Record<string, string>>): Buffer {
  const body = Object.entries(parameters).flat().map((word) => `${word}\0`).join('') + '\0'
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + body.length, 0)
  head.writeInt32BE(196_608, 4)
  return Buffer.concat([head, Buffer.from(body)])
}

/** Reads every ReadyForQuery, and keeps those that are to be kept, however the stream is cut. */
function passed(stream: Buffer, cut: number, keeps: (reads: number) => boolean): { text: string; read: string[] } {
  const read: string[] = []
  const messages = new ServerMessages({
    wants: (type) => type === 0x5a,
    read(_type, whole) {
      read.push(whole.toString('latin1', 5))
      return !keeps(read.length)
    },
  })
  const parts: Buffer[] = []
  for (let offset = 0; offset < stream.length; offset += cut) parts.push(messages.push(stream.subarray(offset, offset + cut)))
  return { text: Buffer.concat(parts).toString('latin1'), read }
}

describe('what the server sends', () => {
  const before = Buffer.concat([message('D', 'x'.repeat(300)), message('C', 'SELECT 1\0'), message('Z', 'I')])
  const probe = message('Z', 'T')
  const after = Buffer.concat([message('s'), message('D', 'Z\0\0\0\u0005I'), message('Z', 'E')])

  test.each([1, 2, 3, 4, 5, 6, 7, 64, 10_000])('goes on but for what is kept, cut into %i bytes', (cut) => {
    const { text, read } = passed(Buffer.concat([before, probe, after]), cut, (reads) => reads === 2)
    expect(text).toBe(Buffer.concat([before, after]).toString('latin1'))
    expect(read).toEqual(['I', 'T', 'E'])
  })
})

describe('what the client has asked', () => {
  test.each([
    ['a simple query', [queryMessage('select 1')], { pending: 1, isUnfinished: false }],
    ['a Sync', [SYNC_MESSAGE], { pending: 1, isUnfinished: false }],
    ['a Parse and a Flush, which nothing ends yet', [message('P', 'x\0'), message('H')], { pending: 0, isUnfinished: true }],
    ['the same, ended', [message('P', 'x\0'), message('H'), message('B'), message('E'), SYNC_MESSAGE], { pending: 1, isUnfinished: false }],
    ['several in one write', [queryMessage('a'), message('P'), SYNC_MESSAGE, queryMessage('b')], { pending: 3, isUnfinished: false }],
    ['data of a COPY', [message('d', 'S'.repeat(9)), message('c')], { pending: 0, isUnfinished: false }],
  ])('%s', (_, messages, expected) => {
    const asked: Asked = { pending: 0, isUnfinished: false }
    follow(asked, Buffer.concat(messages))
    expect(asked).toEqual(expected)
  })
})

describe('the first bytes of a connection', () => {
  const clean = startup({ user: 'me', database: 'db' })
  const padded = startup({ user: 'me', pad: 'x'.repeat(2_000), database: 'db' })

  test('lose the padding', () => expect(cleanStartup(padded, 'pad')).toEqual(clean))

  test('lose what was left of another connection', () => {
    const stale = Buffer.concat([queryMessage('delete from orders'), message('P', 'left\0'), SYNC_MESSAGE])
    expect(cleanStartup(Buffer.concat([stale, padded]), 'pad')).toEqual(clean)
  })

  test.each([
    ['startup', padded],
    ['tls', SSL_REQUEST],
    ['tls', Buffer.from([0x16, 3, 1, 0, 200])],
    ['cancel', Buffer.from([0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 2])],
  ])('are a %s', (greeting, bytes) => expect(greetingOf(bytes)).toBe(greeting))
})

test('an error of the server has the names that postgres.js gives it', () => {
  const text = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'
  expect(errorFields(message('E', text))).toEqual({
    severity_local: 'FATAL',
    severity: 'FATAL',
    code: '57P01',
    message: 'terminating connection',
  })
})
