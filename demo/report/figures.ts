import { duration, numberText, recoveryText, wait } from '../format.ts'
import type { Figures } from '../measure.ts'
import type { RunResult, ScenarioResult } from '../results.ts'
import { html, type Markup } from '../../report/html.ts'

const ROWS: readonly (readonly [string, (figures: Figures) => string | number])[] = [
  ['requests', (figures) => figures.requests],
  ['ok', (figures) => figures.ok],
  ['errors', (figures) => figures.errors],
  ['unanswered', (figures) => figures.unanswered],
  ['worst wait', (figures) => wait(figures.worst)],
  ['99th percentile', (figures) => wait(figures.p99)],
  ['recovery', (figures) => recoveryText(figures.recoveryMillis)],
  ['paid a connect', (figures) => numberText(figures.paidConnects)],
  ['wrong', (figures) => numberText(figures.wrong)],
  ['lag of the load', (figures) => duration(figures.lagMillis)],
]

/** A column for each run, so that it fits on a phone. */
export function renderFigures(runs: readonly RunResult[]): Markup {
  const rows = ROWS.map(([name, figure]) => {
    const cells = runs.map(({ figures }) => html`<td>${figure(figures)}</td>`)
    return html`<tr><th scope="row">${name}</th>${cells}</tr>
`
  })
  return html`<div class="scroll"><table>
<caption>Figures</caption>
<thead><tr><td></td>${runs.map(({ run }) => html`<th scope="col">${run}</th>`)}</tr></thead>
<tbody>${rows}</tbody>
</table></div>
`
}

const OVERVIEW = ['scenario', 'run', 'failed', 'worst wait', 'paid a connect', 'wrong']

/** All scenarios at a glance. */
export function renderOverview(results: readonly ScenarioResult[]): Markup {
  return html`<div class="scroll"><table>
<caption>Requests that got an error or no answer, the worst wait, requests that waited for a new connection, and answers
that were wrong</caption>
<thead><tr>${OVERVIEW.map((heading) => html`<th scope="col">${heading}</th>`)}</tr></thead>
${results.map(overviewRows)}</table></div>
`
}

function overviewRows({ runs, scenario: { name, title } }: ScenarioResult): Markup {
  const heading = html`<th scope="rowgroup" rowspan="${runs.length}"><a href="#${name}">${title}</a></th>`
  const rows = runs.map(
    ({ figures: { errors, paidConnects, requests, unanswered, worst, wrong }, run }, index) =>
      html`<tr>${index === 0 ? heading : undefined}<td>${run}</td>
<td>${errors + unanswered}<span class="of"> of ${requests}</span></td>
<td>${wait(worst)}</td><td>${numberText(paidConnects)}</td><td>${numberText(wrong)}</td></tr>
`,
  )
  return html`<tbody>${rows}</tbody>
`
}
