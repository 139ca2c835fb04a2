import { describe, expect, it } from 'vitest'
import { measure, type Sample } from '../measure.ts'
import type { RunResult } from '../results.ts'
import { fullPool } from '../knex/full-pool.ts'
import { cutInFlight } from '../redis/cut-in-flight.ts'
import { renderReport } from './report.ts'

const samples: readonly Sample[] = [
  { sentAt: 0, lateMillis: 0, waitMillis: 2, outcome: 'ok', paidConnect: false },
  { sentAt: 10, lateMillis: 0, waitMillis: 9, outcome: 'ok', paidConnect: true },
  { sentAt: 20, lateMillis: 0, waitMillis: 4, outcome: 'error', paidConnect: false, error: '<img src=x>' },
  { sentAt: 30, lateMillis: 0, waitMillis: 900, outcome: 'unanswered', paidConnect: false },
]

function resultOf(run: RunResult['run'], sent: readonly Sample[]): RunResult {
  return {
    run,
    durationMillis: 1_000,
    samples: sent,
    marks: [{ at: 15, label: 'fault & burst' }],
    recoverFrom: 15,
    figures: measure(sent, 15),
    errors: [{ text: '<img src=x>', count: 1 }],
    keeper: undefined,
  }
}

function reportOf(...runs: RunResult[]): string {
  const environment = { parts: { knex: 'Knex 3 on PostgreSQL 18' }, node: '20', cpus: 2, at: '2026-01-01T00:00:00.000Z' }
  return renderReport({ environment, scenarios: [{ scenario: fullPool, runs }] })
}

describe('the report', () => {
  const report = reportOf(resultOf('bare', samples), resultOf('kept', samples))

  it('asks for nothing outside of itself, and runs nothing', () => {
    expect(report).not.toMatch(/https?:|url\(|@import|<link|<script|<img/)
    expect(report.match(/(?:href|src)="[^#]/g)).toBeNull()
  })

  it('shows foreign text as text', () => {
    expect(report).toContain('&lt;img src=x&gt;')
    expect(report).toContain('fault &amp; burst')
  })

  it('draws one mark for each request of each run', () => {
    const dots = report.match(/<path class="ok" d="M\d+ [\d.]+h0"/g)
    const symbols = ['paid', 'error', 'unanswered'].map((name) => report.match(new RegExp(`<use href="#${name}"`, 'g')))
    // One a run, and one in the key.
    expect([dots, ...symbols].map((found) => found?.length)).toEqual([3, 3, 3, 3])
  })

  it('gives every picture a title and a description of its own', () => {
    const named = [...report.matchAll(/aria-labelledby="(\S+-title) (\S+-desc)"/g)].flatMap(([, ...ids]) => ids)
    expect(new Set(named).size).toBe(4)
    for (const id of named) expect(report.split(`id="${id}"`)).toHaveLength(2)
  })

  it('tells of a part only when it was played, and of what is wrong where somebody looked', () => {
    expect(report).toContain('<h2>Knex on PostgreSQL</h2>')
    expect(report).not.toContain('ioredis on Redis')
    const figures = { ...measure(samples, 15), wrong: 7 }
    const environment = { parts: { ioredis: 'ioredis 6' }, node: '20', cpus: 2, at: '2026-01-01T00:00:00.000Z' }
    const runs = [{ ...resultOf('bare', samples), figures }]
    const other = renderReport({ environment, scenarios: [{ scenario: cutInFlight, runs }] })
    expect(other).not.toContain('Knex on PostgreSQL')
    expect(other).toContain('<th scope="row">wrong</th><td>7</td>')
  })

  it('can be made of a run in which nothing was sent', () => {
    expect(reportOf(resultOf('bare', []))).not.toMatch(/NaN|Infinity|undefined/)
  })
})
