import { describe, expect, it } from 'vitest'
import { duration, recoveryText, wait } from './format.ts'

describe('a duration', () => {
  it.each([
    [0, '0 ms'],
    [0.84, '0.8 ms'],
    [119.6, '120 ms'],
    [999.4, '999 ms'],
    [999.6, '1 s'],
    [1_239, '1.24 s'],
    [60_040, '60 s'],
  ])('of %d milliseconds reads %s', (millis, text) => {
    expect(duration(millis)).toBe(text)
  })
})

it('marks a wait that had not ended', () => {
  expect(wait({ millis: 8_000, atLeast: true })).toBe('≥ 8 s')
  expect(wait({ millis: 8_000, atLeast: false })).toBe('8 s')
})

it('tells a recovery that was not needed from one that did not come', () => {
  const texts = [0, 120, 'never' as const, undefined].map(recoveryText)
  expect(texts).toEqual(['undisturbed', '120 ms', 'not in the run', '–'])
})
