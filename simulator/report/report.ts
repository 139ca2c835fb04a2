import { linearAxis, logAxis } from '../../report/axis.ts'
import { html, type Markup } from '../../report/html.ts'
import { renderPage } from '../../report/page.ts'
import type { Figures } from '../figures.ts'
import type { FlashCrowd } from '../loads.ts'
import { tableOf, topOf } from '../render.ts'
import { renderChart, type Chart } from './chart.ts'
import { CHART_STYLE } from './style.ts'
import { timeAxis } from './time-axis.ts'

export interface Simulation {
  readonly title: string
  /** What it was replayed on, in a sentence. */
  readonly where: string
  readonly runs: readonly Figures[]
  readonly flash: FlashCrowd | undefined
  readonly stepMillis: number
}

/** The whole page: the figures, what was in use and open under each policy, and how long callers waited. */
export function renderReport(simulation: Simulation): string {
  const { flash, runs, title, where } = simulation
  const main = html`<h1>Policies tried on ${title}</h1>
<p>${where}</p>
${figures(runs)}
<h2>Connections</h2>
<ul class="key"><li>${swatch('in-use')}in use</li><li>${swatch('open')}open</li>${
    flash === undefined ? undefined : html`<li>${swatch('flash')}flash crowd</li>`
  }</ul>
${runs.map((run, index) => html`<h3>${run.policy}</h3>${connections(run, index, simulation)}`)}
<h2>Waits</h2>
<p class="soft">The wait that one caller in a hundred exceeded, of those who came in each ${duration(simulation.stepMillis)}.</p>
<ul class="key">${runs.map(({ policy }, index) => html`<li>${stroke(index)}${policy}</li>`)}</ul>
${waits(simulation)}`
  return renderPage({ title: `Poolkeeper: policies tried on ${title}`, style: CHART_STYLE, main })
}

function figures(runs: readonly Figures[]): Markup {
  const { headings, rows } = tableOf(runs)
  const cells = rows.map(([name = '', ...rest]) => html`<tr><th scope="row">${name}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>
`)
  return html`<div class="scroll"><table>
<caption>Figures; connection-hours are compared with those of the first policy</caption>
<thead><tr>${headings.map((heading) => html`<th scope="col">${heading}</th>`)}</tr></thead>
<tbody>${cells}</tbody>
</table></div>
`
}

function connections(run: Figures, index: number, { flash, runs, stepMillis }: Simulation): Markup {
  const { connectionHours, mostConnections, policy, steps } = run
  return renderChart({
    id: `connections-${index}`,
    title: `${policy}: connections in use and open over time`,
    description: `${connectionHours.toFixed(1)} connection-hours, ${mostConnections} connections at most.`,
    series: [
      { className: 'open', isArea: true, values: steps.map(({ connections: open }) => open) },
      { className: 'in-use', isArea: true, values: steps.map(({ inUse }) => inUse) },
    ],
    // The same for all, so that they can be compared.
    values: linearAxis(topOf(runs)),
    label: (tick) => tick,
    ...overTime(steps.length * stepMillis, flash),
  })
}

function waits({ flash, runs, stepMillis }: Simulation): Markup {
  const all = runs.flatMap(({ steps }) => steps.map(({ p99Millis }) => p99Millis)).filter((millis) => millis > 0)
  const steps = Math.max(1, ...runs.map(({ steps: each }) => each.length))
  return renderChart({
    id: 'waits',
    title: 'Waits of callers over time, by policy',
    description: runs.map(({ policy, waitMillis: { p99, p999 } }) => `${policy}: p99 ${p99.toFixed(1)} ms, p99.9 ${p999.toFixed(1)} ms.`).join(' '),
    series: runs.map((run, index) => ({ className: `line p${index % 6}`, values: padded(run.steps.map(({ p99Millis }) => p99Millis), steps) })),
    values: logAxis(Math.max(0.1, Math.min(...all, 1)), Math.max(10, ...all)),
    label: duration,
    ...overTime(steps * stepMillis, flash),
  })
}

/** One that ended earlier is not stretched. */
function padded(values: readonly number[], length: number): readonly number[] {
  return [...values, ...Array<number>(length - values.length).fill(0)]
}

function overTime(endMillis: number, flash: FlashCrowd | undefined): Pick<Chart, 'time' | 'shaded'> {
  const end = Math.max(1, endMillis)
  return { time: timeAxis(end), shaded: flash && [flash.from / end, Math.min(1, flash.to / end)] }
}

function swatch(className: string): Markup {
  return html`<svg aria-hidden="true"><rect class="${className}" y="1" width="14" height="13"/></svg>`
}

function stroke(index: number): Markup {
  return html`<svg aria-hidden="true"><path class="line p${index % 6}" d="M0 8h14"/></svg>`
}

function duration(millis: number): string {
  if (millis < 1_000) return `${Number(millis.toPrecision(3))} ms`
  return millis < 60_000 ? `${Number((millis / 1_000).toPrecision(3))} s` : `${Number((millis / 60_000).toPrecision(3))} min`
}
