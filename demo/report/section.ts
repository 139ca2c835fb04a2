import type { PoolStats } from '@poolkeeper/core'
import { duration } from '../format.ts'
import type { Note, RunResult, ScenarioResult } from '../results.ts'
import { linearAxis, logAxis } from '../../report/axis.ts'
import { renderChart, type Axes } from './chart.ts'
import { renderFigures } from './figures.ts'
import { html, type Markup } from '../../report/html.ts'

const ERRORS_SHOWN = 5
const NOTES_SHOWN = 80

/** One scenario: its story, a picture a run over the same axes, the figures, and what was said. */
export function renderSection({ scenario, runs }: ScenarioResult): Markup {
  const axes = commonAxes(runs)
  return html`<section aria-labelledby="${scenario.name}">
<h2 id="${scenario.name}">${scenario.title}</h2>
<p>${scenario.story}</p>
<p class="soft">${scenario.settingsText}
Each run is cut off ${duration(scenario.patienceMillis)} after its last request.</p>
${runs.map((result) => html`<h3>${result.run}</h3>${renderChart(`${scenario.name}-${result.run}`, result, axes)}`)}
${renderFigures(runs)}
${runs.map(renderErrors)}
${runs.map(renderKeeper)}
</section>
`
}

function commonAxes(runs: readonly RunResult[]): Axes {
  const waits = runs.flatMap(({ samples }) => samples.map(({ waitMillis }) => waitMillis))
  const endMillis = Math.max(1, ...runs.map(({ durationMillis }) => durationMillis))
  const positive = waits.filter((millis) => millis > 0)
  return {
    endMillis,
    time: linearAxis(endMillis),
    waits: logAxis(Math.max(0.1, Math.min(...positive, 100)), Math.max(1, ...positive)),
  }
}

function renderErrors({ errors, run }: RunResult): Markup {
  if (errors.length === 0) return html``
  const shown = errors.slice(0, ERRORS_SHOWN)
  const rest = errors.slice(ERRORS_SHOWN).reduce((sum, { count }) => sum + count, 0)
  return html`<h3>What callers were told: ${run}</h3>
<ul class="errors">${shown.map(({ count, text }) => html`<li>${count}× <code>${text}</code></li>`)}${
    rest > 0 ? html`<li>${rest} more, in other words</li>` : undefined
  }</ul>
`
}

function renderKeeper({ keeper }: RunResult): Markup {
  if (keeper === undefined) return html``
  const { notes, stats } = keeper
  return html`<details><summary>What the keeper did</summary>
<p>${summarize(stats)}</p>
<ul class="notes">${notes.slice(0, NOTES_SHOWN).map(renderNote)}</ul>
${notes.length > NOTES_SHOWN ? html`<p>and ${notes.length - NOTES_SHOWN} more</p>` : undefined}
</details>
`
}

function summarize({ closes, opens, replacements, validations }: PoolStats): string {
  const failed = validations.failed + validations.timedOut
  const reasons = Object.entries(closes).filter(([, count]) => count > 0)
  return [
    `Opened: ${opens.ok}, of them ahead of a retirement: ${replacements}; attempts that failed: ${opens.failed}.`,
    `Checks: ${validations.ok + failed}, failed: ${failed}; checkouts that needed none: ${validations.skipped}.`,
    `Closed: ${reasons.map(([reason, count]) => `${count} ${reason}`).join(', ') || 'none'}.`,
  ].join(' ')
}

function renderNote({ count, from, text, until }: Note): Markup {
  const again = count > 1 ? html` <span class="soft">${count}×, until ${seconds(until)}</span>` : undefined
  return html`<li><span class="at">${seconds(from)}</span><span>${text}${again}</span></li>
`
}

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(3)} s`
}
