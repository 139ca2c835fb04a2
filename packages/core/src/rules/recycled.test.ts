import { expect, test } from 'vitest'
import { at, factsWith, opinion } from '../testing/fixtures.ts'
import { recycled } from './recycled.ts'

test.each([
  ['older than the wish', 99, 'retire: recycle'],
  ['opened at that moment, and so after it', 100, 'no objection'],
  ['younger', 101, 'no objection'],
])('P-132: what is %s (opened at %d): %s', (_, openedAt, expected) => {
  expect(opinion(recycled(), factsWith({ openedAt }), at(200, { recycleBefore: 100 }))).toBe(expected)
})

test('nothing is recycled that nobody asked for', () => {
  expect(opinion(recycled(), factsWith({ openedAt: -1e12 }), at(200))).toBe('no objection')
})

test('it is asked in rounds alone, so that no caller waits for a replacement', () => {
  expect(recycled().moments).toEqual(['round'])
})
