import { setTimeout as sleep } from 'node:timers/promises'
import { textOf } from './error-text.ts'
import type { Sample } from './measure.ts'
import type { Ask } from './scenario.ts'

export interface Tally {
  readonly sent: number
  readonly ok: number
  readonly errors: number
  readonly waiting: number
}

interface Request {
  readonly dueAt: number
  readonly calledAt: number
  /** Of the connection that it got, where that is known. */
  connectedAt?: number
}

/**
 * An open-loop load: a request is sent when it is due, whether or not earlier ones were answered, and its wait counts
 * from that moment. A load that waited for its answers would send least while the pool is at its worst.
 */
export class Load {
  readonly #ask: Ask
  readonly #startedAt: number
  readonly #samples: Sample[] = []
  readonly #waiting = new Set<Request>()
  #whenQuiet: (() => void) | undefined

  constructor(ask: Ask, startedAt: number) {
    this.#ask = ask
    this.#startedAt = startedAt
  }

  /** Requests at a fixed rate; resolves when the last of them is sent. */
  async steady({ perSecond, seconds }: { perSecond: number; seconds: number }): Promise<void> {
    const begin = performance.now()
    const count = perSecond * seconds
    for (let sent = 0; sent < count; sent += 1) {
      const dueAt = begin + (sent * 1000) / perSecond
      await until(dueAt)
      this.#send(dueAt)
    }
  }

  /** So many requests in one moment. */
  burst(count: number): void {
    const dueAt = performance.now()
    for (let sent = 0; sent < count; sent += 1) this.#send(dueAt)
  }

  tally(): Tally {
    const ok = this.#samples.filter(({ outcome }) => outcome === 'ok').length
    const waiting = this.#waiting.size
    return { sent: this.#samples.length + waiting, ok, errors: this.#samples.length - ok, waiting }
  }

  /** Waits so long for the last answers; what is still open then is unanswered. */
  async finish(patienceMillis: number): Promise<readonly Sample[]> {
    if (this.#waiting.size > 0) await this.#quiet(patienceMillis)
    for (const request of [...this.#waiting]) this.#settle(request, 'unanswered')
    return this.#samples.sort((a, b) => a.sentAt - b.sentAt)
  }

  #quiet(patienceMillis: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMillis)
      this.#whenQuiet = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #send(dueAt: number): void {
    const request: Request = { dueAt, calledAt: performance.now() }
    this.#waiting.add(request)
    const isOn = (connectedAt: number): void => void (request.connectedAt = connectedAt)
    this.#ask(isOn).then(
      () => this.#settle(request, 'ok'),
      (error: unknown) => this.#settle(request, 'error', textOf(error)),
    )
  }

  #settle(request: Request, outcome: Sample['outcome'], error?: string): void {
    // After the cut-off an answer comes too late to count.
    if (!this.#waiting.delete(request)) return
    const { calledAt, connectedAt, dueAt } = request
    this.#samples.push({
      sentAt: dueAt - this.#startedAt,
      lateMillis: calledAt - dueAt,
      waitMillis: performance.now() - dueAt,
      outcome,
      ...(connectedAt === undefined ? {} : { paidConnect: connectedAt > calledAt }),
      ...(error === undefined ? {} : { error }),
    })
    if (this.#waiting.size === 0) this.#whenQuiet?.()
  }
}

/** A timer may fire early: it counts in whole milliseconds, and by another clock. */
async function until(moment: number): Promise<void> {
  for (let ahead = moment - performance.now(); ahead > 0; ahead = moment - performance.now()) {
    await sleep(Math.ceil(ahead))
  }
}
