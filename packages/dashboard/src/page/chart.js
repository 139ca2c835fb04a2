/** @import { Sample } from '../frames.ts' */
import { countText, durationText } from './format.js'
import { drawing, element, setText } from './elements.js'

/** What the chart shows at most, and at least, so that the first moments are not stretched. */
export const LONGEST_SPAN_MILLIS = 300_000
const SHORTEST_SPAN_MILLIS = 60_000
/** Nothing was heard for so long: what was between is not known, and not drawn. */
const GAP_MILLIS = 5_000
const WIDTH = 600
const HEIGHT = 150

/** @typedef {(sample: Sample) => number} ValueOf */

/** @type {ValueOf} */
const used = (sample) => sample[1]
/** @type {ValueOf} */
const idleUpTo = (sample) => sample[1] + sample[2]
/** @type {ValueOf} */
const allUpTo = (sample) => sample[1] + sample[2] + sample[3]
/** @type {ValueOf} */
const pending = (sample) => sample[4]
/** @type {ValueOf} */
const limit = (sample) => sample[5]

/** From the bottom; the one above begins where the one below ends. */
const BANDS = [
  { name: 'used', label: 'used', low: () => 0, high: used },
  { name: 'idle', label: 'idle', low: used, high: idleUpTo },
  { name: 'other', label: 'opening, closing, being checked', low: idleUpTo, high: allUpTo },
]
const LINES = [
  { name: 'limit', label: 'limit', value: limit },
  // Below the next, and wider: a line has to be seen before a band of any colour.
  { name: 'halo', label: undefined, value: pending },
  { name: 'pending', label: 'callers waiting', value: pending },
]

/**
 * The greatest value that has to fit.
 *
 * @param {readonly Sample[]} samples
 * @returns {number}
 */
export function topOf(samples) {
  return samples.reduce((top, sample) => Math.max(top, allUpTo(sample), pending(sample), limit(sample)), 1)
}

/**
 * What was seen without a gap, each.
 *
 * @param {readonly Sample[]} samples
 * @returns {Sample[][]}
 */
export function runsOf(samples) {
  /** @type {Sample[][]} */
  const runs = []
  for (const sample of samples) {
    const run = runs.at(-1)
    const last = run?.at(-1)
    if (run !== undefined && last !== undefined && sample[0] - last[0] <= GAP_MILLIS) run.push(sample)
    else runs.push([sample])
  }
  return runs
}

/**
 * The outline of a band. A count stays what it is until the next look: steps, not slopes.
 *
 * @param {readonly Sample[]} samples
 * @param {ValueOf} low
 * @param {ValueOf} high
 * @returns {string}
 */
export function bandPath(samples, low, high) {
  const { x, y } = scaleOf(samples)
  return runsOf(samples)
    .map((run) => `${stepsOf(run, x, (sample) => y(high(sample)))}${backStepsOf(run, x, (sample) => y(low(sample)))}Z`)
    .join('')
}

/**
 * @param {readonly Sample[]} samples
 * @param {ValueOf} value
 * @returns {string}
 */
export function linePath(samples, value) {
  const { x, y } = scaleOf(samples)
  return runsOf(samples)
    .map((run) => stepsOf(run, x, (sample) => y(value(sample))))
    .join('')
}

/**
 * What the chart shows, for those who do not see it.
 *
 * @param {readonly Sample[]} samples
 * @returns {string}
 */
export function summaryOf(samples) {
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined) return 'Nothing seen yet.'
  const usedCounts = samples.map(used)
  const span = durationText(last[0] - first[0])
  const waiting = Math.max(...samples.map(pending))
  const lowest = countText(Math.min(...usedCounts))
  const highest = countText(Math.max(...usedCounts))
  return `In the last ${span}: ${lowest === highest ? lowest : `${lowest} to ${highest}`} used, at most ${countText(waiting)} waiting.`
}

/**
 * How much time the chart is wide.
 *
 * @param {readonly Sample[]} samples
 * @returns {number}
 */
export function spanOf(samples) {
  const seen = (samples.at(-1)?.[0] ?? 0) - (samples[0]?.[0] ?? 0)
  return Math.min(LONGEST_SPAN_MILLIS, Math.max(SHORTEST_SPAN_MILLIS, seen))
}

/** @param {readonly Sample[]} samples */
function scaleOf(samples) {
  const end = samples.at(-1)?.[0] ?? 0
  const span = spanOf(samples)
  const top = topOf(samples)
  return {
    /** @param {Sample} sample */
    x: (sample) => rounded(WIDTH * (1 - (end - sample[0]) / span)),
    // A little room above, for a line at the top is half as wide as it should be.
    /** @param {number} value */
    y: (value) => rounded(HEIGHT - (HEIGHT - 4) * (value / top)),
  }
}

/**
 * @param {readonly Sample[]} run
 * @param {ValueOf} x
 * @param {ValueOf} y
 */
function stepsOf(run, x, y) {
  return run.map((sample, index) => (index === 0 ? `M${x(sample)} ${y(sample)}` : `H${x(sample)}V${y(sample)}`)).join('')
}

/**
 * The way back, from the newest to the oldest.
 *
 * @param {readonly Sample[]} run
 * @param {ValueOf} x
 * @param {ValueOf} y
 */
function backStepsOf(run, x, y) {
  return run
    .toReversed()
    .map((sample, index, all) => {
      const older = all[index + 1]
      return `V${y(sample)}${older === undefined ? '' : `V${y(older)}H${x(older)}`}`
    })
    .join('')
}

/** @param {number} value */
function rounded(value) {
  return Math.round(value * 10) / 10
}

export class Chart {
  constructor() {
    this.bands = BANDS.map((band) => ({ ...band, path: drawing('path', { class: `band-${band.name}` }) }))
    this.lines = LINES.map((line) => ({ ...line, path: drawing('path', { class: `line-${line.name}` }) }))
    const paths = [...this.bands, ...this.lines].map(({ path }) => path)
    const viewBox = `0 0 ${WIDTH} ${HEIGHT}`
    this.top = element('span', { class: 'top-of-scale', 'aria-hidden': 'true' })
    this.begin = element('span')
    this.summary = element('span')
    this.node = element(
      'figure',
      {},
      element(
        'div',
        { class: 'plot' },
        drawing('svg', { viewBox, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, ...paths),
        this.top,
      ),
      element('div', { class: 'span-of-time', 'aria-hidden': 'true' }, this.begin, element('span', {}, 'now')),
      legend(),
      element('figcaption', { class: 'faint' }, this.summary),
    )
  }

  /** @param {readonly Sample[]} samples */
  show(samples) {
    setText(this.top, countText(topOf(samples)))
    setText(this.begin, `${durationText(spanOf(samples))} ago`)
    setText(this.summary, summaryOf(samples))
    for (const { path, low, high } of this.bands) path.setAttribute('d', bandPath(samples, low, high))
    for (const { path, value } of this.lines) path.setAttribute('d', linePath(samples, value))
  }
}

function legend() {
  const bands = BANDS.map(({ name, label }) => legendEntry(label, drawing('rect', { class: `band-${name}`, width: '20', height: '12' })))
  const named = LINES.flatMap(({ name, label }) => (label === undefined ? [] : [{ name, label }]))
  const lines = named.map(({ name, label }) => legendEntry(label, drawing('path', { class: `line-${name}`, d: 'M0 6H20' })))
  return element('ul', { class: 'legend', 'aria-hidden': 'true' }, ...bands, ...lines)
}

/**
 * @param {string} label
 * @param {SVGElement} mark
 */
function legendEntry(label, mark) {
  return element('li', {}, drawing('svg', { viewBox: '0 0 20 12' }, mark), label)
}
