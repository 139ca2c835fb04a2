import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeHistory, encodeHistory } from './document.ts'
import { WEEK_SLOTS } from './week-clock.ts'
import { emptyHistory, learnt, type SlotHistory, type WeekHistory } from './week-history.ts'

function busyWeek(load: (slot: number) => number): WeekHistory {
  return Array.from({ length: WEEK_SLOTS }, (_, slot) => ({ slot, at: 0, load: load(slot), busiest: load(slot) * 1.3 })).reduce(learnt, emptyHistory('UTC'))
}

const slotOf = fc.record<SlotHistory>({
  level: fc.double({ min: 0, max: 100_000, noNaN: true }),
  variance: fc.double({ min: 0, max: 1e8, noNaN: true }),
  burst: fc.double({ min: 0, max: 100_000, noNaN: true }),
  weeks: fc.integer({ min: 1, max: 99 }),
})

describe('a history as a text', () => {
  test('is read as it was written, to three digits', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: WEEK_SLOTS - 1 }), slotOf), { maxLength: 20 }), (given) => {
        const slots = [...emptyHistory('Europe/Berlin').slots]
        for (const [index, slot] of given) slots[index] = slot
        const { history } = decodeHistory(encodeHistory({ timeZone: 'Europe/Berlin', slots }), 'Europe/Berlin')
        for (const [index, slot] of slots.entries()) {
          const read = history?.slots[index]
          if (slot === undefined) expect(read).toBeUndefined()
          else {
            expect(read?.weeks).toBe(slot.weeks)
            expect(Math.abs((read?.level ?? NaN) - slot.level)).toBeLessThanOrEqual(slot.level / 100)
            expect(Math.abs(Math.sqrt(read?.variance ?? NaN) - Math.sqrt(slot.variance))).toBeLessThanOrEqual(Math.sqrt(slot.variance) / 100)
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  test('what was read is written as the same text', () => {
    const document = encodeHistory(busyWeek((slot) => 20 + 7.777 * Math.sin(slot / 40)))
    const { history } = decodeHistory(document, 'UTC')
    expect(history).toBeDefined()
    expect(encodeHistory(history ?? emptyHistory('UTC'))).toBe(document)
  })

  test('stays small, however much was learnt', () => {
    let history = busyWeek((slot) => 1_234.567 + slot)
    for (let week = 0; week < 120; week++) history = learnt(history, { slot: week % 7, at: 0, load: week * 3.3333, busiest: week * 7.7777 })
    expect(encodeHistory(history).length).toBeLessThan(60_000)
  })

  test('that was cut off anywhere is not believed', () => {
    const document = encodeHistory(busyWeek(() => 5))
    for (let length = 0; length < document.length; length += 997) {
      expect(decodeHistory(document.slice(0, length), 'UTC').refused).toBe('it is no history, or a part of one')
    }
  })

  test('that begins with one day and ends with another, as after a crash in a write, is not believed', () => {
    const [old, young] = [encodeHistory(busyWeek(() => 5)), encodeHistory(busyWeek(() => 7))]
    expect(old).toHaveLength(young.length)
    for (let length = 200; length < old.length - 1; length += 997) {
      const torn = young.slice(0, length) + old.slice(length)
      if (torn !== young && torn !== old) expect(decodeHistory(torn, 'UTC').refused).toBe('it was not written in one piece')
    }
  })

  const good = JSON.parse(encodeHistory(busyWeek(() => 5))) as Record<string, unknown[]>
  test.each<[string, unknown, string]>([
    ['an empty text', '', 'no history'],
    ['no text', 5, 'a text is needed, got number'],
    ['nothing', null, 'a text is needed, got object'],
    ['another JSON', '[1, 2]', 'no history'],
    ['null', 'null', 'no history'],
    ['a later version', JSON.stringify({ ...good, version: 2 }), 'of version 2, and this is version 1'],
    ['no version', JSON.stringify({ ...good, version: undefined }), 'of version undefined'],
    ['another zone', JSON.stringify({ ...good, timeZone: 'Asia/Tokyo' }), 'of the time zone Asia/Tokyo, and the policy has UTC'],
    ['too few slots', JSON.stringify({ ...good, levels: [1] }), 'numbers in it that cannot be'],
    ['a load below nothing', JSON.stringify({ ...good, levels: good['levels']?.with(3, -1) }), 'numbers in it that cannot be'],
    ['no number', JSON.stringify({ ...good, bursts: good['bursts']?.with(3, 'x') }), 'numbers in it that cannot be'],
    ['infinity', JSON.stringify({ ...good, deviations: good['deviations']?.with(3, 1) }).replace('[0,0,0,1,', '[0,0,0,1e999,'), 'numbers in it that cannot be'],
    ['half a week', JSON.stringify({ ...good, weeks: good['weeks']?.with(3, 0.5) }), 'numbers in it that cannot be'],
    ['another sum', JSON.stringify({ ...good, levels: good['levels']?.with(3, 6) }), 'not written in one piece'],
    ['a text without end', 'x'.repeat(300_000), '300000 characters'],
  ])('%s is refused whole, and why', (_, document, refused) => {
    const read = decodeHistory(document, 'UTC')
    expect(read.history).toBeUndefined()
    expect(read.refused).toContain(refused)
  })

  test('of a later version is known as such, so that nobody overwrites it', () => {
    expect(decodeHistory(JSON.stringify({ ...good, version: 2 }), 'UTC').isLater).toBe(true)
    expect(decodeHistory(JSON.stringify({ ...good, version: 0 }), 'UTC').isLater).toBe(false)
  })
})
