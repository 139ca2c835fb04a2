/** @import { PoolFrame } from '../frames.ts' */
/** @import { Command } from '../operations.ts' */
/** @import { DashboardOperation } from '../options.ts' */
import { byId, element, setText } from './elements.js'

/** The page may have been asked for with or without the slash at its end. */
export const BASE = typeof location === 'undefined' ? '/' : location.pathname.replace(/\/*$/, '/')

/** What can be done to one pool, where the server offers it. */
export class Controls {
  /** @param {string} pool @param {readonly DashboardOperation[]} operations */
  constructor(pool, operations) {
    this.pool = pool
    this.isPaused = false
    this.outcome = element('p', { role: 'status' })
    this.recycle = button('Recycle', () =>
      this.#ask(`Replace every connection of “${pool}”? Nobody waits for it.`, { operation: 'recycle', pool }),
    )
    this.pause = button('Pause', () => this.#pauseOrResume())
    this.min = sizeInput()
    this.max = sizeInput()
    this.resize = element(
      'form',
      {},
      element('label', {}, 'min', this.min),
      element('label', {}, 'max', this.max),
      element('button', { type: 'submit' }, 'Resize'),
    )
    this.resize.addEventListener('submit', (event) => {
      event.preventDefault()
      this.#resize()
    })
    this.node = element('div', { class: 'controls', role: 'group', 'aria-label': 'Operations' })
    this.node.append(...operations.map((operation) => this[operation]), this.outcome)
    this.node.hidden = operations.length === 0
  }

  /** @param {PoolFrame} pool */
  show(pool) {
    this.isPaused = pool.state === 'paused'
    setText(this.pause, this.isPaused ? 'Resume' : 'Pause')
    keepCurrent(this.min, pool.min)
    keepCurrent(this.max, pool.max)
  }

  #pauseOrResume() {
    const { pool } = this
    if (this.isPaused) void this.#send({ operation: 'resume', pool })
    else this.#ask(`Lend no connection of “${pool}” until it is resumed? Callers wait.`, { operation: 'pause', pool })
  }

  #resize() {
    const { pool, min, max } = this
    void this.#send({ operation: 'resize', pool, min: min.valueAsNumber, max: max.valueAsNumber })
  }

  /**
   * @param {string} question
   * @param {Command} command
   */
  #ask(question, command) {
    void confirmed(question).then((isYes) => (isYes ? this.#send(command) : undefined))
  }

  /** @param {Command} command */
  async #send(command) {
    setText(this.outcome, 'Asked …')
    setText(this.outcome, await answerTo(command))
  }
}

/**
 * @param {Command} command
 * @returns {Promise<string>}
 */
async function answerTo(command) {
  try {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${BASE}operate`, { method: 'POST', headers, body: JSON.stringify(command), redirect: 'manual' })
    if (response.type === 'opaqueredirect') return 'Refused: you are asked to sign in again.'
    const text = (await response.text()).trim()
    return response.ok ? text : `Refused (${response.status}): ${text}`
  } catch {
    return 'The server cannot be reached.'
  }
}

/**
 * @param {string} question
 * @returns {Promise<boolean>}
 */
function confirmed(question) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('question'))
  setText(byId('question-text'), question)
  return new Promise((resolve) => {
    byId('question-yes').onclick = () => dialog.close('yes')
    byId('question-no').onclick = () => dialog.close('no')
    dialog.onclose = () => resolve(dialog.returnValue === 'yes')
    dialog.returnValue = 'no'
    dialog.showModal()
  })
}

/**
 * @param {string} label
 * @param {() => void} act
 */
function button(label, act) {
  const made = element('button', { type: 'button' }, label)
  made.addEventListener('click', act)
  return made
}

function sizeInput() {
  return element('input', { type: 'number', min: '0', step: '1', required: '', inputmode: 'numeric' })
}

/**
 * Follows the pool, unless somebody is writing another number.
 *
 * @param {HTMLInputElement} input
 * @param {number} value
 */
function keepCurrent(input, value) {
  const known = input.dataset['known']
  if (known === String(value)) return
  if (known === undefined || input.value === known) input.value = String(value)
  input.dataset['known'] = String(value)
}
