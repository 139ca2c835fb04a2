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

  test('may have its cells in quotes', () => {
    expect([...parseTrace('"time","hold"\n"2026-11-23T08:00:00Z","5"\n').arrivals]).toEqual([{ atMillis: 0, holdMillis: 5 }])
  })

  test.each([
    ['no such column', 'when,hold\n1,2', { line: 1, field: 'time' }, 'line 1: the columns `time` and `hold` are needed, got: when,hold'],
    ['no hold at all', 'time\n1', { line: 1, field: 'hold' }, 'line 1: the columns `time` and `hold` are needed, got: time'],
    ['no time', 'time,hold\n1,2\nsoon,2', { line: 3, field: 'time', value: 'soon' }, 'line 3: `time` must be milliseconds, or a date as 2026-11-23T08:00:00Z, got: soon'],
    ['no hold', 'time,hold\n1,', { line: 2, field: 'hold', value: '' }, 'line 2: `hold` must be milliseconds, at least 0, got: nothing'],
    ['a short line', 'hold,time\n1', { line: 2, field: 'time' }, 'line 2: `time`'],
    ['a hold below nothing', 'time,hold\n1,-5', { line: 2, field: 'hold', value: '-5' }, 'got: -5'],
    ['an endless hold', 'time,hold\n1,Infinity', { line: 2, field: 'hold' }, 'got: Infinity'],
    ['nobody', 'time,hold\n', {}, 'not one arrival'],
  ])('with %s is refused, and line and field are named', (_, text, place, message) => {
    const refused = (): unknown => parseTrace(text)
    expect(refused).toThrow(TraceError)
    expect(refused).toThrow(message)
    expect(refused).toThrow(expect.objectContaining(place) as Error)
  })
})
