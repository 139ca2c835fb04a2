import { describe, expect, test } from 'vitest'
import type { Figures } from '../figures.ts'
import { renderReport, type Simulation } from './report.ts'
import { timeAxis } from './time-axis.ts'

const run: Figures = {
  policy: 'fixed <80>', callers: 3, failed: {}, waitedShare: 0, waitMillis: { p50: 1, p99: 20, p999: 20, max: 21 },
  connectionHours: 12, mostConnections: 4, opened: 4, resized: {}, secondsToAbsorb: 0,
  steps: [
    { connections: 4, inUse: 1, p99Millis: 1, worstMillis: 2 },
    { connections: 2, inUse: 2, p99Millis: 20, worstMillis: 21 },
  ],
}

function reportOf(...runs: Figures[]): string {
  const simulation: Simulation = { title: 'trace & more.csv', where: 'On virtual time.', runs, flash: { from: 500, to: 1_500 }, stepMillis: 1_000 }
  return renderReport(simulation)
}

describe('the report', () => {
  const report = reportOf(run, { ...run, policy: 'adaptive', connectionHours: 3 })

  test('asks for nothing outside of itself, and runs nothing', () => {
    expect(report).not.toMatch(/https?:|url\(|@import|<link|<script|<img/)
    expect(report.match(/(?:href|src)="[^#]/g)).toBeNull()
  })

  test('shows names of policies and files as text', () => {
    expect(report).toContain('fixed &lt;80&gt;')
    expect(report).toContain('trace &amp; more.csv')
  })

  test('has a picture of connections for each policy, and one of all waits, each with a title and a description of its own', () => {
    const named = [...report.matchAll(/aria-labelledby="(\S+-title) (\S+-desc)"/g)].flatMap(([, ...ids]) => ids)
    expect(new Set(named).size).toBe(6)
    for (const id of named) expect(report.split(`id="${id}"`)).toHaveLength(2)
  })

  test('draws each step over the whole of its time, as high as its value', () => {
    // Twelve connections is the least that a plot reaches up to.
    expect(report).toContain('<path class="open" d="M0 190L0 126.7H5000L5000 158.3H10000V190Z"/>')
    expect(report).toContain('<path class="in-use" d="M0 190L0 174.2H5000L5000 158.3H10000V190Z"/>')
    expect(report).toContain('<rect class="flash" x="25%" width="50%" height="190"/>')
  })

  test('compares with the first policy', () => {
    expect(report).toContain('<td>25 %</td>')
  })

  test('can be made of a run in which nobody came, and of none', () => {
    expect(reportOf({ ...run, steps: [] })).not.toMatch(/NaN|Infinity|undefined/)
    expect(reportOf()).not.toMatch(/NaN|Infinity|undefined/)
  })
})

describe('an axis of time', () => {
  test.each([
    [900, ['0 s']],
    [8_000, ['0 s', '1 s', '2 s', '3 s', '4 s', '5 s', '6 s', '7 s', '8 s']],
    [86_400_000, ['0 h', '3 h', '6 h', '9 h', '12 h', '15 h', '18 h', '21 h', '24 h']],
    [30 * 86_400_000, ['0 d', '4 d', '8 d', '12 d', '16 d', '20 d', '24 d', '28 d']],
  ])('of %d ms has ticks that can be read', (endMillis, labels) => {
    const { ticks } = timeAxis(endMillis)
    expect(ticks.map(({ label }) => label)).toEqual(labels)
    expect(ticks.at(-1)?.part).toBeLessThanOrEqual(1)
  })
})
