import { FORBIDDEN, isForeign, refusalOf } from './access.ts'
import type { Answer, Ask } from './ask.ts'
import type { Document } from './document.ts'
import { carryOut, commandOf, permissionFor } from './operations.ts'
import type { DashboardRefusal, DashboardSettings } from './options.ts'
import type { Watch } from './watch.ts'

const ALWAYS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const
const PLAIN = 'text/plain; charset=utf-8'
const WHO_MAY = 'To decide who may see this page, give dashboard() an `authorize`. Without one, it is shown at this machine alone.\n'

/** Answers requests, whichever server they came through. */
export class Board {
  readonly #settings: DashboardSettings
  readonly #document: Document
  readonly #watch: Watch

  constructor(settings: DashboardSettings, document: Document, watch: Watch) {
    this.#settings = settings
    this.#document = document
    this.#watch = watch
  }

  /** `undefined` when the path is none of the dashboard's. */
  answer(ask: Ask): Promise<Answer> | undefined {
    switch (ask.path) {
      case '/':
        return this.#shown(ask, () => this.#page())
      case '/events':
        return this.#shown(ask, () => this.#events(ask))
      case '/operate':
        return this.#operate(ask)
      default:
        return undefined
    }
  }

  async #shown(ask: Ask, answer: () => Answer): Promise<Answer> {
    if (ask.method !== 'GET' && ask.method !== 'HEAD') return wrongMethod('GET, HEAD')
    const refusal = await refusalOf(ask, this.#settings, 'view')
    return refusal === undefined ? answer() : this.#refused(refusal)
  }

  #page(): Answer {
    const { html, contentSecurityPolicy } = this.#document
    const headers = {
      ...ALWAYS,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': contentSecurityPolicy,
      'cross-origin-opener-policy': 'same-origin',
      'x-frame-options': 'DENY',
    }
    return { status: 200, headers, body: html }
  }

  /** Another site's page could not read it, and must not take the places of those who can. */
  #events(ask: Ask): Answer {
    if (isForeign(ask)) return this.#refused(FORBIDDEN)
    if (this.#watch.isFull) return plain(503, 'As many watch as may.\n', { 'retry-after': '10' })
    const headers = {
      ...ALWAYS,
      'content-type': 'text/event-stream; charset=utf-8',
      // Nobody on the way may hold it back, to compress it or to collect more.
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    }
    return { status: 200, headers, body: ask.method === 'HEAD' ? '' : (sink) => this.#watch.add(sink) }
  }

  async #operate(ask: Ask): Promise<Answer> {
    if (ask.method !== 'POST') return wrongMethod('POST')
    if (isForeign(ask)) return this.#refused(FORBIDDEN)
    // A form cannot send it, and a page of another site only after it was allowed to.
    if (!/^application\/json\s*(;|$)/i.test(ask.header('content-type') ?? '')) return plain(415, 'This takes application/json.\n')
    const command = commandOf(await ask.json().catch(() => undefined))
    if (command === undefined) return plain(400, 'This is no operation.\n')
    const refusal = await refusalOf(ask, this.#settings, permissionFor(command), command.pool)
    if (refusal !== undefined) return this.#refused(refusal)
    const { status, text } = await carryOut(command, this.#settings.clock)
    return plain(status, text)
  }

  #refused({ status, headers = {} }: DashboardRefusal): Answer {
    const text = this.#settings.authorize === undefined ? `Forbidden. ${WHO_MAY}` : 'Forbidden.\n'
    return plain(status, text, headers)
  }
}

function wrongMethod(allow: string): Answer {
  return plain(405, `This takes ${allow}.\n`, { allow })
}

function plain(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { ...ALWAYS, 'content-type': PLAIN, ...headers }, body }
}
