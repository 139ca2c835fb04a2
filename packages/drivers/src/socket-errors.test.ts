import { describe, expect, test } from 'vitest'
import { asError, codeOf, isSocketError } from './socket-errors.ts'

describe('a socket error', () => {
  test.each(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'])(
    'is told by its code: %s',
    (code) => {
      expect(isSocketError(Object.assign(new Error(code), { code }))).toBe(true)
      expect(isSocketError({ code })).toBe(true)
    },
  )

  test.each([[new Error('ECONNRESET')], [{ code: '23505' }], [{ code: 1040 }], [{}], ['ECONNRESET'], [null], [undefined]])('is not %j', (error) => {
    expect(isSocketError(error)).toBe(false)
  })
})

test('the code of what is no object is undefined', () => {
  expect([codeOf({ code: 7 }), codeOf('text'), codeOf(null), codeOf(undefined)]).toEqual([7, undefined, undefined, undefined])
})

test('an error stays itself; what is none is carried by one', () => {
  const error = new Error('itself')
  expect(asError(error)).toBe(error)
  expect(asError('text')).toMatchObject({ message: 'text', cause: 'text' })
  expect(asError(undefined)).toBeInstanceOf(Error)
})

test('what is no error becomes one: the event of a WebSocket the one that is in it', () => {
  const inner = new Error('connect ECONNREFUSED')
  expect(asError(inner)).toBe(inner)
  expect(asError({ type: 'error', error: inner })).toBe(inner)
  const bare = { type: 'error', message: 'unexpected response' }
  expect(asError(bare)).toMatchObject({ message: 'unexpected response', cause: bare })
  expect(asError('refused')).toMatchObject({ message: 'refused', cause: 'refused' })
  expect(asError(undefined).message).toBe('undefined')
})
