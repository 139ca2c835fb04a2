/** @import { Frame, Hello, History } from '../frames.ts' */
/** @import { EventLine } from '../recent-events.ts' */
import { Card, statusText } from './card.js'
import { BASE } from './controls.js'
import { byId, element, setText } from './elements.js'
import { countText, timeText } from './format.js'
import { Table } from './tables.js'

/** A screen reader is told of changes of state, and not at every breath. */
const ANNOUNCE_MILLIS = 5_000
const RETRY_MILLIS = 10_000

class Page {
  /** @type {Map<string, Card>} */
  #cards = new Map()
  /** @type {Map<string, string>} */
  #states = new Map()
  /** @type {Hello} */
  #offered = { operations: [], statements: false }
  /** @type {Frame | undefined} */
  #latest
  /** @type {readonly EventLine[]} */
  #lines = []
  #isFrozen = false
  /** @type {string[]} */
  #unsaid = []
  #isQuiet = false
  #events = new Table('Newest first', ['time', 'pool', 'what happened', 'why', 'what to do', 'times'], { wide: true })
  #noEvents = element('p', { class: 'faint' }, 'None that is worth a line.')
  #otherPools = element('p', { class: 'faint' })

  constructor() {
    byId('events').append(this.#noEvents, this.#events.node)
    byId('pools').after(this.#otherPools)
    byId('freeze').addEventListener('click', () => this.#freeze())
  }

  connect() {
    const source = new EventSource(`${BASE}events`)
    /** @type {<T>(type: string, hear: (data: T) => void) => void} */
    const on = (type, hear) => source.addEventListener(type, (event) => hear(JSON.parse(event.data)))
    on('hello', (/** @type {Hello} */ offered) => (this.#offered = offered))
    on('history', (/** @type {History} */ history) => this.#remember(history))
    on('events', (/** @type {EventLine[]} */ lines) => this.#showEvents(lines))
    on('pools', (/** @type {Frame} */ frame) => this.#receive(frame))
    source.onerror = () => this.#lost(source)
  }

  /** A browser tries again by itself, but not after a refusal. @param {EventSource} source */
  #lost(source) {
    const isOver = source.readyState === EventSource.CLOSED
    const text = isOver ? 'No longer live: refused, or too many watch. Trying again …' : 'No longer live: trying again …'
    if (byId('connection').textContent !== text) this.#announce(text)
    setText(byId('connection'), text)
    if (isOver) setTimeout(() => this.connect(), RETRY_MILLIS)
  }

  #freeze() {
    this.#isFrozen = !this.#isFrozen
    byId('freeze').setAttribute('aria-pressed', String(this.#isFrozen))
    if (this.#isFrozen) return
    if (this.#latest !== undefined) this.#show(this.#latest)
    this.#showEvents(this.#lines)
  }

  /** @param {string} name */
  #card(name) {
    const known = this.#cards.get(name)
    if (known !== undefined) return known
    const card = new Card(name, this.#offered)
    this.#cards.set(name, card)
    byId('pools').append(card.node)
    return card
  }

  /** @param {History} history */
  #remember(history) {
    for (const [name, samples] of history) this.#card(name).remember(samples)
  }

  /** @param {Frame} frame */
  #receive(frame) {
    this.#latest = frame
    for (const pool of frame.pools) this.#card(pool.name).keep(frame.at, pool)
    this.#announceChanges(frame)
    if (!this.#isFrozen) this.#show(frame)
  }

  /** @param {Frame} frame */
  #show({ at, pools, otherPools }) {
    setText(byId('connection'), `Live, as of ${timeText(at)}`)
    byId('emptiness').hidden = pools.length > 0
    for (const [name, card] of this.#cards) {
      if (pools.some((pool) => pool.name === name)) continue
      card.node.remove()
      this.#cards.delete(name)
    }
    for (const pool of pools) this.#card(pool.name).show(pool)
    setText(this.#otherPools, otherPools === 0 ? '' : `and ${countText(otherPools)} pools more, which are not shown`)
  }

  /** @param {readonly EventLine[]} lines */
  #showEvents(lines) {
    this.#lines = lines
    if (this.#isFrozen) return
    this.#noEvents.hidden = lines.length > 0
    this.#events.show(
      lines.map(({ at, pool, what, cause, advice, times }) => [timeText(at), pool, what, cause ?? '', advice ?? '', countText(times)]),
    )
  }

  /** @param {Frame} frame */
  #announceChanges({ pools }) {
    for (const [name] of this.#states) {
      if (pools.some((pool) => pool.name === name)) continue
      this.#states.delete(name)
      this.#announce(`${name} is closed`)
    }
    for (const pool of pools) {
      const [before, now] = [this.#states.get(pool.name), statusText(pool)]
      this.#states.set(pool.name, now)
      if (before !== undefined && before !== now) this.#announce(`${pool.name} is ${now}`)
    }
  }

  /** @param {string} text */
  #announce(text) {
    this.#unsaid.push(text)
    if (this.#isQuiet) return
    const all = this.#unsaid.splice(0)
    setText(byId('announcer'), all.length > 3 ? `${all.length} changes; the last: ${text}` : all.join('. '))
    this.#isQuiet = true
    setTimeout(() => {
      this.#isQuiet = false
      const last = this.#unsaid.pop()
      if (last !== undefined) this.#announce(last)
    }, ANNOUNCE_MILLIS)
  }
}

new Page().connect()
