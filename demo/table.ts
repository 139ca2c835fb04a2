import { duration, numberText, recoveryText, wait } from './format.ts'
import { WELL_MILLIS } from './measure.ts'
import type { RunResult, ScenarioResult } from './results.ts'

const HEADINGS = [
  'scenario',
  'run',
  'requests',
  'ok',
  'errors',
  'unanswered',
  'worst wait',
  'p99',
  'recovery',
  'paid a connect',
  'wrong',
  'lag',
]
const TEXT_COLUMNS = 2

/** The figures of all runs, for a terminal. */
export function renderTable(results: readonly ScenarioResult[]): string {
  const rows = results.flatMap(({ scenario, runs }) =>
    runs.map((result, index) => [index === 0 ? scenario.name : '', ...cellsOf(result)]),
  )
  const widths = HEADINGS.map((_, column) => Math.max(...[HEADINGS, ...rows].map((row) => row[column]?.length ?? 0)))
  const fit = (cell: string, column: number): string => {
    const width = widths[column] ?? 0
    return column < TEXT_COLUMNS ? cell.padEnd(width) : cell.padStart(width)
  }
  const line = (row: readonly string[]): string => row.map(fit).join('  ').trimEnd()
  return [line(HEADINGS), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}

function cellsOf({ run, figures }: RunResult): string[] {
  const counts = [figures.requests, figures.ok, figures.errors, figures.unanswered].map(String)
  const waits = [wait(figures.worst), wait(figures.p99), recoveryText(figures.recoveryMillis)]
  const known = [figures.paidConnects, figures.wrong].map(numberText)
  return [run, ...counts, ...waits, ...known, duration(figures.lagMillis)]
}

/** What the words of the table mean. */
export function renderLegend(results: readonly ScenarioResult[]): string {
  const patience = [...new Set(results.map(({ scenario }) => duration(scenario.patienceMillis)))].join(', ')
  return [
    'A wait counts from the moment a request was due, until its result or its error.',
    `unanswered      neither result nor error ${patience} after the last request was sent, when the run was cut off;`,
    '                it counts as having waited until then (≥)',
    `recovery        from the fault until the last request that failed, or took more than ${WELL_MILLIS} ms, was over`,
    'paid a connect  its connection was opened after it had been sent; –: not looked at',
    'wrong           executed twice, or acknowledged and not there in the end, as the story says; –: not looked at',
    'lag             how late the load generator itself was at worst; while the process stands still, all waits grow',
  ].join('\n')
}

const KINDS_SHOWN = 2

/** What callers were told, the most frequent first. */
export function renderErrors(results: readonly ScenarioResult[]): string {
  const lines = results.flatMap(({ scenario, runs }) =>
    runs.flatMap(({ run, errors }) => {
      const others = errors.slice(KINDS_SHOWN).reduce((sum, { count }) => sum + count, 0)
      return [
        ...errors.slice(0, KINDS_SHOWN).map(({ text, count }) => `${scenario.name}, ${run}, ${count}×: ${text}`),
        ...(others === 0 ? [] : [`${scenario.name}, ${run}, ${others}× other errors: see the report`]),
      ]
    }),
  )
  return lines.length === 0 ? 'No errors.' : ['Errors:', ...lines].join('\n')
}
