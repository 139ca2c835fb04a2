import { expect, test } from 'vitest'
import { countText, durationText, wordsOf } from './format.js'
import { statusText } from './card.js'

test.for([
  [0, '0 ms'],
  [0.04, '< 0.1 ms'],
  [4.21, '4.2 ms'],
  [9.97, '10 ms'],
  [999.6, '1.0 s'],
  [9_960, '10 s'],
  [119_000, '119 s'],
  [119_600, '2 min'],
  [7_170_000, '2 h'],
  [172_000_000, '2 d'],
] as const)('%d milliseconds are %s', ([millis, text]) => {
  expect(durationText(millis)).toBe(text)
})

test('large counts have their thousands apart', () => {
  expect(countText(1_234_567)).toBe('1,234,567')
})

test('a word of the code is told as people write it', () => {
  expect(wordsOf('maxLifetime')).toBe('max lifetime')
})

test('how a pool is stands there in words, and not in a colour alone', () => {
  const up = { status: 'up', reasons: [], state: 'running', isObserving: false } as const
  expect(statusText(up)).toBe('up')
  expect(statusText({ ...up, isObserving: true })).toBe('up, only observed')
  expect(statusText({ ...up, status: 'down', reasons: ['the pool is paused'], state: 'paused' })).toBe('down: the pool is paused')
  expect(statusText({ ...up, status: 'unknown', state: 'draining' })).toBe('unknown, draining')
})
