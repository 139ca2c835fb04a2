import { POOL } from '../knex/application.ts'
import { WELL_MILLIS } from '../measure.ts'
import type { DemoResult, ScenarioResult } from '../results.ts'
import type { PartName } from '../scenario.ts'
import { renderOverview } from './figures.ts'
import { html, type Markup } from '../../report/html.ts'
import { renderPage } from '../../report/page.ts'
import { renderSection } from './section.ts'
import { MARKS_STYLE } from './style.ts'

/** The whole page: one file that asks for nothing else. */
export function renderReport({ environment, scenarios }: DemoResult): string {
  const { at, cpus, node, parts } = environment
  const played = PARTS.filter(({ name }) => scenarios.some(({ scenario }) => scenario.part === name))
  const main = html`<h1>The same application, bare and kept</h1>
<p>Each application goes through the same faults twice: with its host as it is (<b>bare</b>), and under Poolkeeper’s
policy (<b>kept</b>). Requests are sent at a fixed rate, whether or not earlier ones were answered.</p>
<p class="soft">Servers behind a proxy that breaks the network on demand: ${played.map(({ name }) => parts[name] ?? '').join('; ')}.
Node ${node}, ${cpus} CPUs, <time datetime="${at}">${at.slice(0, 16).replace('T', ' ')} UTC</time>. One run
each: figures vary from run to run.</p>
${played.map((part) => html`<h2>${part.title}</h2>
<p>${part.text}</p>
${renderOverview(of(part, scenarios))}`)}
<h2>How to read the pictures</h2>
${KEY}
<p class="soft">Each mark stands where its request was sent, as high as it waited, on a logarithmic scale:
from the moment it was due until its result or its error. Unanswered: neither had come when the run was cut off; it
counts as having waited until then (≥). Wrong: executed twice, or acknowledged and not there in the end. Recovery: from the fault until the last request that failed, or took more than
${WELL_MILLIS} ms, was over. Paid a connect: its connection was opened after it had been sent. Lag: how late the load
generator itself was at worst; while the process stands still, as on a busy machine, all waits grow.</p>
${scenarios.map(renderSection)}`
  return renderPage({ title: 'Poolkeeper: one application, bare and kept', style: MARKS_STYLE, symbols: SYMBOLS, main })
}

interface Part {
  readonly name: PartName
  readonly title: string
  readonly text: string
}

const PARTS: readonly Part[] = [
  {
    name: 'knex',
    title: 'Knex on PostgreSQL',
    text: `Bare: Knex’s own pool. Kept: that pool with one line, withPoolPolicy. Pool: min ${POOL.min}, max ${POOL.max}.`,
  },
  {
    name: 'ioredis',
    title: 'ioredis on Redis',
    text: 'Bare: one client, as most applications have, and one more for each WATCH at a time. Kept: one pool for all.',
  },
]

function of({ name }: Part, scenarios: readonly ScenarioResult[]): readonly ScenarioResult[] {
  return scenarios.filter(({ scenario }) => scenario.part === name)
}

const SYMBOLS: Markup = html`<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>
<path id="error" class="error" d="M-3.5-3.5l7 7M-3.5 3.5l7-7"/>
<circle id="paid" class="paid" r="3.5"/>
<path id="unanswered" class="unanswered" d="M-4 3L0-4L4 3Z"/>
</defs></svg>`

const KEY: Markup = html`<ul class="key">
<li><svg aria-hidden="true"><path class="ok" d="M7 8h0"/></svg>ok</li>
<li><svg aria-hidden="true"><use href="#paid" x="7" y="8"/></svg>ok, but paid a connect</li>
<li><svg aria-hidden="true"><use href="#error" x="7" y="8"/></svg>error</li>
<li><svg aria-hidden="true"><use href="#unanswered" x="7" y="8"/></svg>unanswered: waited at least so long</li>
<li><svg aria-hidden="true"><rect class="swatch" y="1" width="14" height="13"/></svg>not yet recovered</li>
</ul>`
