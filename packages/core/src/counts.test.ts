import { expect, test } from 'vitest'
import { describeCounts, totalOf } from './counts.ts'

const counts = { used: 1, idle: 2, validating: 3, opening: 4, closing: 5, pending: 100 }

test('callers are not connections; everything else is', () => {
  expect(totalOf(counts)).toBe(15)
})

test('one line says what the pool held', () => {
  expect(describeCounts(counts, 16)).toBe('1 used, 2 idle, 3 being validated, 4 opening, 5 closing of at most 16; 100 waiting')
})
