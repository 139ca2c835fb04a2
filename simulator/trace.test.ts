import { describe, expect, test } from 'vitest'
import { parseTrace, TraceError } from './trace.ts'

describe('a trace', () => {
  test('is read by the names of its columns, wherever they stand, the earliest arrival first', () => {
    const { arrivals, startedAt } = parseTrace('id,hold,time\na,20,1500\nb,10,1000\n\n')
    expect(startedAt).toBe(1_000)
    expect([...arrivals]).toEqual([
      { atMillis: 0, holdMillis: 10 },
      { atMillis: 500, holdMillis: 20 },
    ])
  })

  test('may have dates, by which a schedule goes', () => {
    const { arrivals, startedAt } = parseTrace('time,hold\r\n2026-11-23T08:00:00.250Z,5\r\n2026-11-23T08:00:01.000Z,0\r\n')
    expect(startedAt).toBe(Date.parse('2026-11-23T08:00:00.250Z'))
    expect([...arrivals].map(({ atMillis }) => atMillis)).toEqual([0, 750])
  })

  test.each([
    ['no such column', 'when,hold\n1,2', 'line 1: the columns `time` and `hold` are needed, got: when,hold'],
    ['no time', 'time,hold\n1,2\nsoon,2', 'line 3'],
    ['no hold', 'time,hold\n1,', 'line 2'],
    ['a hold below nothing', 'time,hold\n1,-5', 'line 2'],
    ['nobody', 'time,hold\n', 'not one arrival'],
  ])('with %s is refused, and the line is named', (_, text, message) => {
    expect(() => parseTrace(text)).toThrow(TraceError)
    expect(() => parseTrace(text)).toThrow(message)
  })
})
