import type { Axis } from '../../report/axis.ts'
import { html, type Markup } from '../../report/html.ts'

/** What is drawn over time, one value a step. */
export interface Series {
  readonly className: string
  readonly values: readonly number[]
  /** Filled down to the ground. */
  readonly isArea?: boolean
}

export interface Chart {
  readonly id: string
  readonly title: string
  /** What is to be seen, in words. */
  readonly description: string
  readonly series: readonly Series[]
  readonly values: Axis
  readonly time: TimeAxis
  label(tick: number): string | number
  /** From where to where, as parts of the width. */
  readonly shaded: readonly [from: number, to: number] | undefined
}

/** Time, from 0 to the end of the last step. */
export interface TimeAxis {
  readonly ticks: readonly { readonly part: number; readonly label: string }[]
}

const HEIGHT = 190
/** Below the picture, for the labels of the time axis. */
const FOOT = 24
/** Lines are drawn in these units, stretched to the width of the page. */
const WIDTH = 10_000

export function renderChart({ description, id, label, series, shaded, time, title, values }: Chart): Markup {
  return html`<div class="chart"><svg role="img" aria-labelledby="${id}-title ${id}-desc" height="${HEIGHT + FOOT}">
<title id="${id}-title">${title}</title>
<desc id="${id}-desc">${description}</desc>
${shaded && html`<rect class="flash" x="${percent(shaded[0])}" width="${percent(shaded[1] - shaded[0])}" height="${HEIGHT}"/>`}
${values.ticks.map((tick) => row(yOf(tick, values), label(tick)))}
${time.ticks.map(({ label: text, part }) => column(percent(part), text))}
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" width="100%" height="${HEIGHT}">
${series.map((each) => html`<path class="${each.className}" d="${path(each, values)}"/>`)}
</svg>
</svg></div>
`
}

function row(y: number, label: string | number): Markup {
  return html`<line class="grid" x2="100%" y1="${y}" y2="${y}"/>
<text x="-8" y="${y + 4}" text-anchor="end">${label}</text>`
}

function column(x: string, label: string): Markup {
  return html`<line class="tick" x1="${x}" x2="${x}" y1="${HEIGHT}" y2="${HEIGHT + 4}"/>
<text x="${x}" y="${HEIGHT + 18}" text-anchor="middle">${label}</text>`
}

/** Each value over the whole of its step. */
function path({ isArea = false, values }: Series, axis: Axis): string {
  const width = WIDTH / Math.max(1, values.length)
  const stairs = values.map((value, index) => `${Math.round(index * width)} ${yOf(value, axis)}H${Math.round((index + 1) * width)}`)
  if (stairs.length === 0) return ''
  return isArea ? `M0 ${HEIGHT}L${stairs.join('L')}V${HEIGHT}Z` : `M${stairs.join('L')}`
}

function yOf(value: number, axis: Axis): number {
  return Math.round((1 - axis.place(value)) * HEIGHT * 10) / 10
}

function percent(part: number): string {
  return `${Math.round(part * 100_000) / 1000}%`
}
