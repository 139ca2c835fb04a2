import type { PoolEvent } from '@poolkeeper/knex'
import { expect, it } from 'vitest'
import { Notes } from './notes.ts'

const at = Date.now()
const opened: PoolEvent = { type: 'opened', pool: 'p', at, connection: 1, openMillis: 5 }
const closed: PoolEvent = { type: 'closed', pool: 'p', at, connection: 1, reason: 'stale', ageMillis: 5, uses: 1 }

function textsOf(...events: PoolEvent[]): string[] {
  const notes = new Notes()
  for (const event of events) notes.observe(event)
  return notes.list().map(({ count, text }) => `${count} ${text}`)
}

it('makes one note of what alternates', () => {
  expect(textsOf(opened, closed, opened, closed, opened)).toEqual(['3 opened', '2 closed: stale'])
})

it('passes over the ordinary', () => {
  expect(textsOf({ type: 'acquired', pool: 'p', at, connection: 1, waitMillis: 0 })).toEqual([])
})
