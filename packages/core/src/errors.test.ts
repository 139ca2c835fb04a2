import { describe, expect, test } from 'vitest'
import { findPoolkeeperError, isPoolkeeperError, PoolkeeperError } from './errors.ts'

const counts = { used: 1, idle: 2, validating: 0, opening: 0, closing: 0, pending: 4 }

describe('the error', () => {
  test('carries its code, the pool, what the pool held, and the reason below it', () => {
    const cause = new Error('ECONNREFUSED')
    const error = new PoolkeeperError('CONNECT_FAILED', 'no', { pool: 'orders', counts, cause })
    expect(error).toMatchObject({ name: 'PoolkeeperError', code: 'CONNECT_FAILED', message: 'no', pool: 'orders', counts, cause })
    expect(error).toBeInstanceOf(Error)
  })

  test('has no cause when there is none', () => {
    expect('cause' in new PoolkeeperError('DRAINING', 'no')).toBe(false)
  })

  test('does not show its brand', () => {
    expect(Object.keys(new PoolkeeperError('DRAINING', 'no')).sort()).toEqual(['code', 'counts', 'holders', 'invalid', 'name', 'pool', 'waiters'])
  })
})

describe('recognising it', () => {
  test('one of this copy', () => {
    expect(isPoolkeeperError(new PoolkeeperError('DRAINING', 'no'))).toBe(true)
  })

  test('one of another copy of this package, which is another class', () => {
    const foreign = Object.assign(new Error('no'), { code: 'DRAINING', [Symbol.for('poolkeeper.error/v1')]: true })
    expect(isPoolkeeperError(foreign)).toBe(true)
  })

  test.each([[new Error('DRAINING')], [{ code: 'DRAINING', name: 'PoolkeeperError' }], [undefined], [null], ['DRAINING'], [() => {}]])(
    'nothing else: %s',
    (value) => {
      expect(isPoolkeeperError(value)).toBe(false)
    },
  )
})

describe('finding it below a host’s own error', () => {
  const ours = new PoolkeeperError('POOL_EXHAUSTED', 'no')

  test('it may be the error itself, its cause, or the cause of its cause', () => {
    expect(findPoolkeeperError(ours)).toBe(ours)
    expect(findPoolkeeperError(new Error('Knex: Timeout', { cause: ours }))).toBe(ours)
    expect(findPoolkeeperError(new Error('a', { cause: new Error('b', { cause: ours }) }))).toBe(ours)
  })

  test('of two the upper one is found', () => {
    const upper = new PoolkeeperError('CONNECT_FAILED', 'no', { cause: ours })
    expect(findPoolkeeperError(new Error('a', { cause: upper }))).toBe(upper)
  })

  test.each([[new Error('none')], [new Error('text', { cause: 'a text' })], [undefined], [null], [7]])('there may be none: %s', (error) => {
    expect(findPoolkeeperError(error)).toBeUndefined()
  })

  test('a circle of causes ends the search', () => {
    const one = new Error('one')
    const other = new Error('other', { cause: one })
    one.cause = other
    expect(findPoolkeeperError(one)).toBeUndefined()
  })
})
