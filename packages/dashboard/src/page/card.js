/** @import { DurationSummary } from '@poolkeeper/core' */
/** @import { ConnectionFrame, Hello, PoolFrame, Sample } from '../frames.ts' */
import { Chart, LONGEST_SPAN_MILLIS } from './chart.js'
import { Controls } from './controls.js'
import { element, setText } from './elements.js'
import { countText, durationText, wordsOf } from './format.js'
import { Table } from './tables.js'

/** @type {readonly (readonly [label: string, name: 'used' | 'idle' | 'pending' | 'max' | 'min'])[]} */
const COUNTS = [
  ['used', 'used'],
  ['idle', 'idle'],
  ['waiting', 'pending'],
  ['limit', 'max'],
  ['minimum', 'min'],
]

let cards = 0

/** One pool. What is in it is made once, and only texts and rows change. */
export class Card {
  /** @param {string} name @param {Hello} offered */
  constructor(name, { operations, statements }) {
    const id = `pool-${++cards}`
    /** @type {Sample[]} */
    this.samples = []
    this.status = element('p', { class: 'status' })
    this.counts = COUNTS.map(([label, key]) => ({ key, label, value: element('dd') }))
    this.chart = new Chart()
    this.durations = new Table('How long', ['what', 'median', '90 %', '99 %', 'longest', 'count'])
    this.closes = new Table('Why connections were closed', ['reason', 'connections'])
    this.totals = element('p', { class: 'faint' })
    this.connections = new Table('Connections', ['no.', 'state', 'since', 'by', 'age', 'uses', 'next', ...(statements ? ['statement'] : [])], { wide: true })
    this.otherConnections = element('p', { class: 'faint' })
    this.waiters = new Table('Callers that wait', ['since', 'why', 'by'], { wide: true })
    this.otherWaiters = element('p', { class: 'faint' })
    this.controls = new Controls(name, operations)
    this.node = element(
      'section',
      { class: 'pool', 'aria-labelledby': id },
      element('header', {}, element('h2', { id }, name), this.status),
      element('dl', { class: 'counts' }, ...this.counts.map(({ label, value }) => element('div', {}, element('dt', {}, label), value))),
      this.chart.node,
      this.controls.node,
      ...[this.waiters.node, this.otherWaiters, this.connections.node, this.otherConnections],
      ...[this.durations.node, this.closes.node, this.totals],
    )
  }

  /** @param {readonly Sample[]} samples of the time before this page */
  remember(samples) {
    if (this.samples.length === 0) this.samples.push(...samples)
  }

  /** @param {number} at @param {PoolFrame} pool */
  keep(at, { used, idle, validating, opening, closing, pending, max }) {
    const last = this.samples.at(-1)
    if (last !== undefined && last[0] >= at) return
    this.samples.push([at, used, idle, validating + opening + closing, pending, max])
    while ((this.samples[0]?.[0] ?? at) < at - LONGEST_SPAN_MILLIS) this.samples.shift()
  }

  /** @param {PoolFrame} pool */
  show(pool) {
    setText(this.status, statusText(pool))
    this.status.className = `status status-${pool.status}`
    for (const { key, value } of this.counts) setText(value, countText(pool[key]))
    this.chart.show(this.samples)
    this.durations.show(durationRows(pool))
    this.closes.show(Object.entries(pool.closes).map(([reason, count]) => [wordsOf(reason), countText(count)]))
    setText(this.totals, totalsText(pool))
    this.connections.show(pool.connections.map(connectionRow))
    setText(this.otherConnections, othersText(pool.otherConnections, 'connections'))
    this.waiters.show(pool.waiters.map(({ waitedMillis, why, site, owner }) => [durationText(waitedMillis), why, placeText(owner, site)]))
    setText(this.otherWaiters, othersText(pool.otherWaiters, 'callers'))
    this.controls.show(pool)
  }
}

/**
 * How a pool is, in words.
 *
 * @param {Pick<PoolFrame, 'status' | 'reasons' | 'state' | 'isObserving'>} pool
 * @returns {string}
 */
export function statusText({ status, reasons, state, isObserving }) {
  const how = reasons.length > 0 ? `${status}: ${reasons.join('; ')}` : status
  return [how, state !== 'running' && reasons.length === 0 && state, isObserving && 'only observed'].filter(Boolean).join(', ')
}

/** @param {PoolFrame} pool */
function durationRows({ recentWait, recentUse, waitMillis, useMillis, openMillis }) {
  /** @param {string} label @param {Omit<DurationSummary, 'mean' | 'p999' | 'max'> & { readonly max?: number }} summary */
  const row = (label, { count, p50, p90, p99, max }) => {
    const texts = [p50, p90, p99, max].map((millis) => (count === 0 || millis === undefined ? '–' : durationText(millis)))
    return [label, ...texts, countText(count)]
  }
  return [
    row('wait, last minute', recentWait),
    row('wait', waitMillis),
    row('use, last minute', recentUse),
    row('use', useMillis),
    row('connect', openMillis),
  ]
}

/** @param {PoolFrame} pool */
function totalsText({ acquires, opens, validations, leaks, replacements, attendedAt }) {
  const { ok, timedOut, aborted, refused, failed } = acquires
  const callers = [
    `${countText(ok)} callers served`,
    ...[`${countText(timedOut)} timed out`, `${countText(refused)} refused`, `${countText(failed)} failed`, `${countText(aborted)} left`],
  ].join(', ')
  const checks = `${countText(validations.ok)} checks passed, ${countText(validations.failed + validations.timedOut)} did not`
  const connects = `${countText(opens.ok)} connects, ${countText(opens.failed)} failed`
  const rest = `${countText(replacements)} replaced ahead, ${countText(leaks)} leaks`
  return `Since ${new Date(attendedAt).toLocaleString()}: ${callers}; ${checks}; ${connects}; ${rest}.`
}

/** @param {ConnectionFrame} connection */
function connectionRow({ connection, state, sinceMillis, owner, site, ageMillis, uses, next, condemnedFor, isInDoubt, statement }) {
  const then = next === undefined ? '' : `${wordsOf(next.action)} ${next.inMillis > 0 ? `in ${durationText(next.inMillis)}` : 'now'}`
  const doubts = [condemnedFor !== undefined && wordsOf(condemnedFor), isInDoubt && 'to be checked'].filter(Boolean).join(', ')
  return [
    String(connection),
    doubts === '' ? state : `${state} (${doubts})`,
    durationText(sinceMillis),
    placeText(owner, site),
    durationText(ageMillis),
    countText(uses),
    then,
    statement ?? '',
  ]
}

/** @param {string | undefined} owner @param {string | undefined} site */
function placeText(owner, site) {
  return [owner, site].filter((part) => part !== undefined).join(' at ')
}

/** @param {number} count @param {string} what */
function othersText(count, what) {
  return count === 0 ? '' : `and ${countText(count)} ${what} more`
}
