import { expect, test } from 'vitest'
import { at, factsWith, opinion } from '../testing/fixtures.ts'
import { condemned } from './condemned.ts'

test('what was decided about a connection is carried out at every moment', () => {
  expect(condemned().moments).toEqual(['checkout', 'return', 'round'])
  expect(opinion(condemned(), factsWith({ condemnedFor: 'fatal' }), at(0))).toBe('retire: fatal')
})

test('a connection about which nothing was decided is none of its business', () => {
  expect(opinion(condemned(), factsWith(), at(1e9))).toBe('no objection')
})
