import type { PoolEvent } from '@poolkeeper/core'
import { textOf } from './error-text.ts'
import { duration } from './format.ts'
import type { Note } from './results.ts'

/** Two kinds of notes that alternate for a while are two notes, not a hundred. */
const LOOK_BACK = 3

/** Collects what a keeper reports, without the ordinary, and without the errors that callers were told anyway. */
export class Notes {
  readonly #startedAt = Date.now()
  readonly #notes: Note[] = []

  readonly observe = (event: PoolEvent): void => {
    const text = describe(event)
    if (text === undefined) return
    const at = event.at - this.#startedAt
    const index = this.#notes.findLastIndex((note) => note.text === text)
    const same = this.#notes[index]
    if (same === undefined || index < this.#notes.length - LOOK_BACK) {
      this.#notes.push({ from: at, until: at, text, count: 1 })
    } else this.#notes[index] = { ...same, until: at, count: same.count + 1 }
  }

  list(): readonly Note[] {
    return [...this.#notes]
  }
}

const ORDINARY: ReadonlySet<PoolEvent['type']> = new Set([
  'acquired',
  'acquireFailed',
  'released',
  'validated',
  'retired',
])

function describe(event: PoolEvent): string | undefined {
  if (ORDINARY.has(event.type)) return undefined
  const details = [
    'trigger' in event ? event.trigger : undefined,
    'rival' in event ? `${event.rival}, after ${duration(event.silentMillis)} of silence` : undefined,
    'reason' in event ? event.reason : undefined,
    'cause' in event ? textOf(event.cause) : undefined,
    'error' in event ? textOf(event.error) : undefined,
  ].filter((detail) => detail !== undefined)
  return [event.type, ...details].join(': ')
}
