import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jobFrom, UsageError } from './options.ts'
import { PolicyFileError } from './policy-file.ts'
import { TraceError } from './trace.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'poolkeeper-simulator-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const trace = (): string => file('trace.csv', 'time,hold\n1,10\n2,10\n')
const policy = (options: unknown, name = 'policy.json'): string => file(name, JSON.stringify(options))

describe('a job', () => {
  test('has its trace, and its policies by the names of their files', () => {
    const job = jobFrom([trace(), '--policy', policy({ max: 5 }, 'small.json'), '--policy', policy({ max: 50 }, 'large.json'), '--json'])
    expect(job).toMatchObject({ title: 'trace.csv', asJson: true, connectMillis: 20, liveMinutes: undefined })
    expect(job.policies).toEqual([['small', { max: 5 }], ['large', { max: 50 }]])
  })

  test('of a generated day has a crowd that nobody foresaw', () => {
    const { flash, title } = jobFrom(['--day', '7', '--policy', policy({})])
    expect(title).toBe('day 7')
    expect((flash?.to ?? 0) - (flash?.from ?? 0)).toBe(5 * 60_000)
  })

  test('on a real server takes one caller for many of a generated day', () => {
    const { liveMinutes, trace: folded } = jobFrom(['--day', '7', '--live', '5', '--policy', policy({})])
    const callers = [...folded.arrivals].length
    expect(liveMinutes).toBe(5)
    expect(callers).toBeGreaterThan(20_000)
    expect(callers).toBeLessThan(60_000)
  })

  test('may have a history, as the path of its document beside the policy', async () => {
    const dated = file('dated.csv', 'time,hold\n2026-11-23T08:00:00Z,5\n')
    file('history.json', 'what was learnt')
    const loaded = (history?: string): Promise<unknown> => {
      const [each] = jobFrom([dated, '--policy', policy({ sizing: { predictive: { history } } })]).policies
      return (each?.[1].sizing as { predictive: { history: { load(): Promise<unknown> } } }).predictive.history.load()
    }
    expect(await loaded('history.json')).toBe('what was learnt')
    expect(await loaded()).toBeUndefined()
    expect(() => loaded('none.json')).toThrow(/none\.json cannot be read/)
  })

  test('may have a schedule where there are dates', () => {
    const schedule = [{ cron: '0 8 * * *', timeZone: 'UTC', min: 1, max: 2 }]
    const dated = file('dated.csv', 'time,hold\n2026-11-23T08:00:00Z,5\n')
    expect(jobFrom([dated, '--policy', policy({ sizing: { schedule } })]).policies).toHaveLength(1)
    expect(() => jobFrom([trace(), '--policy', policy({ sizing: { schedule } })])).toThrow(
      'policy: `sizing.schedule` goes by the clock, so the column `time` needs dates',
    )
  })
})

describe('what cannot be is refused, and named', () => {
  test.each([
    ['no trace', () => [], 'one trace is needed, or --day'],
    ['two traces', () => [trace(), trace()], 'one trace is needed'],
    ['a trace and a day', () => [trace(), '--day', '1'], 'one trace is needed'],
    ['a trace without a policy', () => [trace()], '--policy is needed'],
    ['a trace that is not there', () => [join(folder, 'none.csv'), '--policy', policy({})], 'none.csv cannot be read'],
    ['an unknown option', () => ['--days', '1'], '--days'],
    ['a day that is none', () => ['--day', 'monday'], '--day must be a number above 0, got monday'],
    ['a connect that takes nothing', () => ['--day', '1', '--connect', '0'], '--connect must be a number above 0, got 0'],
    ['a real server for no time', () => ['--day', '1', '--live', '-1'], '--live'],
  ])('%s', (_, args, message) => {
    const refused = (): unknown => jobFrom(args())
    expect(refused).toThrow(UsageError)
    expect(refused).toThrow(message)
  })

  test.each([
    ['no JSON', () => file('policy.json', '{ max: 5 }'), /policy\.json is no JSON: /],
    ['no object', () => policy([5]), /policy\.json: a policy is an object/],
    ['a value that cannot be', () => policy({ max: 'many' }), /policy\.json: `max` must be an integer from 1 to 100000, got 'many'/],
    ['an unknown option', () => policy({ maximum: 5 }), /policy\.json: .*maximum/],
    ['no file', () => join(folder, 'none.json'), /none\.json cannot be read/],
  ])('a policy of %s', (_, path, message) => {
    const refused = (): unknown => jobFrom([trace(), '--policy', path()])
    expect(refused).toThrow(PolicyFileError)
    expect(refused).toThrow(message)
  })

  test('a line of the trace', () => {
    const refused = (): unknown => jobFrom([file('bad.csv', 'time,hold\n1,2\n2,long\n'), '--policy', policy({})])
    expect(refused).toThrow(TraceError)
    expect(refused).toThrow(/bad\.csv, line 3: `hold` must be milliseconds, at least 0, got: long/)
    expect(refused).toThrow(expect.objectContaining({ line: 3, field: 'hold', value: 'long' }) as Error)
  })
})
