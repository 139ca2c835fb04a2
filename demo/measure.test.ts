import { describe, expect, it } from 'vitest'
import { countErrors, measure, percentile, recovery, type Sample } from './measure.ts'

function sample(sentAt: number, waitMillis: number, more: Partial<Sample> = {}): Sample {
  return { sentAt, lateMillis: 0, waitMillis, outcome: 'ok', paidConnect: false, ...more }
}

describe('the figures', () => {
  it('tell of paid connects only where somebody knows of connections', () => {
    expect(measure([sample(0, 1, { paidConnect: true }), sample(1, 1)], undefined).paidConnects).toBe(1)
    const { paidConnect: _, ...unknown } = sample(0, 1)
    expect(measure([unknown], undefined)).not.toHaveProperty('paidConnects')
  })
})

describe('a percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => sample(index, 100 - index))

  it('is the wait at its rank, whatever the order of the samples', () => {
    expect(percentile(hundred, 0.99)).toEqual({ millis: 99, atLeast: false })
    expect(percentile(hundred, 1)).toEqual({ millis: 100, atLeast: false })
  })

  it('is the only wait when there is only one', () => {
    expect(percentile([sample(0, 7)], 0.99).millis).toBe(7)
  })

  it('is a lower bound when its request was never answered', () => {
    expect(percentile([...hundred, sample(100, 5_000, { outcome: 'unanswered' })], 1)).toEqual({
      millis: 5_000,
      atLeast: true,
    })
  })

  it('is zero when nothing was sent', () => {
    expect(percentile([], 0.99)).toEqual({ millis: 0, atLeast: false })
  })
})

describe('recovery', () => {
  it('takes no time when nothing went wrong', () => {
    expect(recovery([sample(0, 5), sample(100, 5)], 50)).toBe(0)
  })

  it('lasts until the end of the last request that failed', () => {
    const samples = [sample(0, 5), sample(60, 30, { outcome: 'error' }), sample(70, 5), sample(80, 5)]
    expect(recovery(samples, 50)).toBe(40)
  })

  it('lasts until the end of the last request that was slow, although it succeeded', () => {
    expect(recovery([sample(60, 400), sample(70, 5)], 50)).toBe(410)
  })

  it('counts a request that was under way when the fault came', () => {
    expect(recovery([sample(40, 200), sample(70, 5)], 50)).toBe(190)
  })

  it('ignores what went wrong before the fault', () => {
    expect(recovery([sample(0, 20, { outcome: 'error' }), sample(70, 5)], 50)).toBe(0)
  })

  it('never came when a request was left unanswered', () => {
    expect(recovery([sample(60, 1_000, { outcome: 'unanswered' }), sample(70, 5)], 50)).toBe('never')
  })

  it('never came when no request went well after the last bad one', () => {
    expect(recovery([sample(60, 5), sample(70, 5, { outcome: 'error' })], 50)).toBe('never')
  })
})

describe('figures', () => {
  it('count what became of each request', () => {
    const samples = [
      sample(0, 1, { paidConnect: true, lateMillis: 3 }),
      sample(1, 2, { outcome: 'error', error: 'no' }),
      sample(2, 900, { outcome: 'unanswered' }),
    ]
    expect(measure(samples, undefined)).toEqual({
      requests: 3,
      ok: 1,
      errors: 1,
      unanswered: 1,
      worst: { millis: 900, atLeast: true },
      p99: { millis: 900, atLeast: true },
      paidConnects: 1,
      lagMillis: 3,
    })
  })

  it('name a recovery only where there was a fault', () => {
    expect(measure([sample(0, 1)], 0).recoveryMillis).toBe(0)
    expect(measure([sample(0, 1)], undefined)).not.toHaveProperty('recoveryMillis')
  })
})

describe('errors', () => {
  it('are counted by kind, the most frequent first, figures aside', () => {
    const samples = ['reset', 'after 1000 ms', 'after 1003 ms'].map((error, index) =>
      sample(index, 1, { outcome: 'error', error }),
    )
    expect(countErrors([...samples, sample(4, 1)])).toEqual([
      { text: 'after 1000 ms', count: 2 },
      { text: 'reset', count: 1 },
    ])
  })
})
