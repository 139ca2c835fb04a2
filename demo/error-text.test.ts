import { expect, it } from 'vitest'
import { textOf } from './error-text.ts'

it('names an error and its causes, outermost first', () => {
  const cause = Object.assign(new Error('all in use'), { name: 'PoolkeeperError', code: 'POOL_EXHAUSTED' })
  expect(textOf(new Error('timeout', { cause }))).toBe('Error: timeout ← PoolkeeperError POOL_EXHAUSTED: all in use')
})

it('says a code once when the message has it already', () => {
  expect(textOf(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))).toBe('Error: read ECONNRESET')
})

it('ends with a chain of causes that never ends', () => {
  const error = new Error('around')
  error.cause = error
  expect(textOf(error).split(' ← ')).toHaveLength(5)
})

it('takes what is no error as it is', () => {
  expect(textOf('gone')).toBe('gone')
})
