import { duration, recoveryText, wait } from '../format.ts'
import type { Sample } from '../measure.ts'
import type { RunResult } from '../results.ts'
import type { Axis } from '../../report/axis.ts'
import { html, Markup } from '../../report/html.ts'

export interface Axes {
  readonly time: Axis
  readonly waits: Axis
  readonly endMillis: number
}

const HEIGHT = 190
/** Below the picture, for the labels of the time axis. */
const FOOT = 24
/** Above it, for each moment's label. */
const LABEL_ROW = 16
/** Dots are drawn in these units, stretched to the width of the page. */
const DOTS_WIDTH = 10_000

/** Drawn in this order, the ones that matter most on top. */
const SYMBOLS = ['paid', 'unanswered', 'error'] as const

/** Waits over time, a mark for each request. Its width is the page's, its height and its letters are fixed. */
export function renderChart(id: string, result: RunResult, axes: Axes): Markup {
  const { marks, samples } = result
  const head = marks.length * LABEL_ROW
  const height = head + HEIGHT + FOOT
  return html`<div class="chart"><svg role="img" aria-labelledby="${id}-title ${id}-desc" height="${height}">
<title id="${id}-title">${result.run}: wait of each request over time</title>
<desc id="${id}-desc">${describe(result)}</desc>
<svg class="plot" y="${head}">
${trouble(result, axes)}${grid(axes)}
<svg viewBox="0 0 ${DOTS_WIDTH} ${HEIGHT}" preserveAspectRatio="none" width="100%" height="${HEIGHT}">
<path class="ok" d="${dots(samples, axes)}"/></svg>
${SYMBOLS.flatMap((symbol) => symbols(samples, symbol, axes))}
</svg>
${marks.map(({ at, label }, row) => moment(axes.time.place(at), label, row, head))}
</svg></div>
`
}

function describe({ figures, marks, run }: RunResult): string {
  const { requests, ok, errors, unanswered, worst, p99 } = figures
  const moments = marks.map(({ at, label }) => `${label} at ${duration(at)}`).join('; ')
  return [
    run === 'bare' ? 'Bare:' : 'Kept:',
    `${requests} requests, ${ok} ok, ${errors} errors, ${unanswered} unanswered;`,
    `worst wait ${wait(worst)}, 99th percentile ${wait(p99)}, recovery ${recoveryText(figures.recoveryMillis)};`,
    figures.paidConnects === undefined ? '' : `${figures.paidConnects} paid a connect.`,
    figures.wrong === undefined ? '' : `${figures.wrong} wrong.`,
    moments === '' ? '' : `Moments: ${moments}.`,
  ].join(' ')
}

/** The time from the fault until the application was well again. */
function trouble({ figures: { recoveryMillis }, recoverFrom }: RunResult, { endMillis, time }: Axes): Markup {
  if (recoverFrom === undefined || recoveryMillis === undefined || recoveryMillis === 0) return new Markup('')
  const from = time.place(recoverFrom)
  const until = time.place(recoveryMillis === 'never' ? endMillis : recoverFrom + recoveryMillis)
  return html`<rect class="trouble" x="${percent(from)}" width="${percent(until - from)}" height="${HEIGHT}"/>`
}

function grid({ time, waits }: Axes): Markup[] {
  const rows = waits.ticks.map((tick) => {
    const y = yOf(tick, waits)
    return html`<line class="grid" x2="100%" y1="${y}" y2="${y}"/>
<text x="-8" y="${y + 4}" text-anchor="end">${duration(tick)}</text>`
  })
  const columns = time.ticks.map((tick) => {
    const x = percent(time.place(tick))
    return html`<line class="tick" x1="${x}" x2="${x}" y1="${HEIGHT}" y2="${HEIGHT + 4}"/>
<text x="${x}" y="${HEIGHT + 18}" text-anchor="middle">${tick / 1000} s</text>`
  })
  return [...rows, ...columns]
}

/** One path for all: a line of no length with a round cap is a dot, however wide the page. */
function dots(samples: readonly Sample[], { time, waits }: Axes): string {
  return samples
    .filter((sample) => symbolOf(sample) === 'ok')
    .map(({ sentAt, waitMillis }) => `M${Math.round(time.place(sentAt) * DOTS_WIDTH)} ${yOf(waitMillis, waits)}h0`)
    .join('')
}

function symbolOf({ outcome, paidConnect }: Sample): Sample['outcome'] | 'paid' {
  return outcome === 'ok' && paidConnect === true ? 'paid' : outcome
}

function symbols(samples: readonly Sample[], symbol: string, { time, waits }: Axes): Markup[] {
  return samples
    .filter((sample) => symbolOf(sample) === symbol)
    .map(
      ({ sentAt, waitMillis }) =>
        html`<use href="#${symbol}" x="${percent(time.place(sentAt))}" y="${yOf(waitMillis, waits)}"/>`,
    )
}

function moment(part: number, label: string, row: number, head: number): Markup {
  const x = percent(part)
  const y = row * LABEL_ROW
  const [anchor, dx] = part > 0.5 ? ['end', -5] : ['start', 5]
  return html`<line class="moment" x1="${x}" x2="${x}" y1="${y}" y2="${head + HEIGHT}"/>
<text class="moment" x="${x}" dx="${dx}" y="${y + 11}" text-anchor="${anchor}">${label}</text>
`
}

function yOf(millis: number, waits: Axis): number {
  return Math.round((1 - waits.place(millis)) * HEIGHT * 10) / 10
}

function percent(part: number): string {
  return `${Math.round(part * 100_000) / 1000}%`
}
