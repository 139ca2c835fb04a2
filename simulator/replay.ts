import diagnosticsChannel from 'node:diagnostics_channel'
import { channelName, isPoolkeeperError, type PoolEvent, type PoolEventType, type PoolPolicyOptions } from '@poolkeeper/core'
import { simulatePool, type SimulatedPool } from '@poolkeeper/core/testing'
import { percentile } from './percentile.ts'
import type { Trace } from './trace.ts'

export interface ReplayOptions {
  readonly policy: PoolPolicyOptions
  /** Milliseconds that a connect takes. */
  readonly connectMillis: number
  /** What the server does at once; beyond it everything takes longer. */
  readonly serverConcurrency: number
  /** Milliseconds that one column of the plot stands for. */
  readonly stepMillis: number
}

/** What became of a trace under a policy. */
export interface Replay {
  readonly millis: number
  readonly callers: number
  /** Callers who left without a connection, by code. */
  readonly failed: Readonly<Record<string, number>>
  /** The shortest first. */
  readonly waitsMillis: readonly number[]
  /** Of those who got a connection, the share who waited for longer than its check takes. */
  readonly waitedShare: number
  readonly connectionHours: number
  readonly mostConnections: number
  readonly opened: number
  readonly resized: Readonly<Record<string, number>>
  readonly steps: readonly Step[]
  /** The longest wait of those who came in each second. */
  readonly worstBySecond: readonly number[]
}

export interface Step {
  readonly connections: number
  readonly inUse: number
  /** Of those who came in it. */
  readonly p99Millis: number
  readonly worstMillis: number
}

/** One caller's wait. */
export interface Wait {
  /** When he came. */
  readonly at: number
  readonly millis: number
}

/** Beside what was open and in use in each step: how long those waited who came in it. */
export function stepsOf(steps: readonly Pick<Step, 'connections' | 'inUse'>[], waits: readonly Wait[], stepMillis: number): Step[] {
  const byStep: number[][] = steps.map(() => [])
  for (const { at, millis } of waits) byStep[Math.floor(at / stepMillis)]?.push(millis)
  return steps.map(({ connections, inUse }, index) => {
    const sorted = Float64Array.from(byStep[index] ?? []).sort()
    return { connections, inUse, p99Millis: percentile(sorted, 99), worstMillis: percentile(sorted, 100) }
  })
}

/** The same every time: virtual time, and chance from the trace alone. */
export async function replay(trace: Trace, options: ReplayOptions): Promise<Replay> {
  const { connectMillis: openMillis, policy } = options
  const pool = simulatePool({ policy: { name: NAME, ...policy }, openMillis, answerMillis: CHECK_MILLIS, wallStart: trace.startedAt })
  const books = new Books(pool, options.stepMillis)
  try {
    const end = await feed(pool, trace, books, options.serverConcurrency)
    return books.closed(end)
  } finally {
    books.unsubscribe()
    pool.keeper.detach()
  }
}

const NAME = 'simulated'

/** What the simulated server takes to answer a check. */
const CHECK_MILLIS = 1

function feed(pool: SimulatedPool, { arrivals }: Trace, books: Books, concurrency: number): Promise<number> {
  const { clock } = pool
  const next = arrivals[Symbol.iterator]()
  /** Callers who have come, and not left. */
  let waiting = 0
  let held = 0
  const ended = new Promise<void>((resolve) => {
    const come = (): void => {
      const { done, value } = next.next()
      if (done === true) return void (waiting === 0 ? resolve() : (finish = resolve))
      clock.after(value.atMillis - clock.now(), () => {
        void one(value.holdMillis)
        come()
      })
    }
    let finish = (): void => {}
    const leave = (): void => {
      if (--waiting === 0) finish()
    }
    const one = async (holdMillis: number): Promise<void> => {
      const since = clock.now()
      waiting++
      try {
        const connection = await pool.acquire()
        books.waited(since, clock.now() - since)
        const heldFrom = clock.now()
        // A server that does more at once than it can shares itself out.
        const stretch = Math.max(1, ++held / concurrency)
        clock.after(holdMillis * stretch, () => {
          held--
          books.released(clock.now() - heldFrom)
          pool.release(connection)
          leave()
        })
      } catch (error) {
        books.refused(error)
        leave()
      }
    }
    come()
  })
  return clock.until(ended, LONGEST_MILLIS).then(() => clock.now())
}

const LONGEST_MILLIS = 366 * 86_400_000

/** What is written down while a trace is replayed. */
class Books {
  readonly #pool: SimulatedPool
  readonly #stepMillis: number
  readonly #waits: Wait[] = []
  readonly #worstBySecond: number[] = []
  readonly #failed: Record<string, number> = {}
  readonly #resized: Record<string, number> = {}
  /** Milliseconds × connections, by step. */
  readonly #open: number[] = []
  readonly #held: number[] = []
  #alive = 0
  #changedAt = 0
  #most = 0
  #opened = 0
  readonly #listeners: readonly (readonly [PoolEventType, (message: unknown) => void])[]

  constructor(pool: SimulatedPool, stepMillis: number) {
    this.#pool = pool
    this.#stepMillis = stepMillis
    this.#listeners = [
      ['opened', () => this.#change(1)],
      ['closed', () => this.#change(-1)],
      ['resized', (message) => count(this.#resized, (message as Extract<PoolEvent, { type: 'resized' }>).reason)],
    ]
    // By channel: a subscriber of the keeper would be told of each acquire as well.
    for (const [type, listener] of this.#listeners) diagnosticsChannel.subscribe(channelName(type), listener)
  }

  unsubscribe(): void {
    for (const [type, listener] of this.#listeners) diagnosticsChannel.unsubscribe(channelName(type), listener)
  }

  #change(by: number): void {
    this.#spread(this.#open, this.#changedAt, this.#pool.clock.now(), this.#alive)
    this.#changedAt = this.#pool.clock.now()
    this.#alive += by
    if (by > 0) this.#opened++
    this.#most = Math.max(this.#most, this.#alive)
  }

  /** So many over a time that may lie in several steps. */
  #spread(steps: number[], from: number, to: number, many: number): void {
    for (let at = from; at < to; ) {
      const step = Math.floor(at / this.#stepMillis)
      const end = Math.min(to, (step + 1) * this.#stepMillis)
      steps[step] = (steps[step] ?? 0) + many * (end - at)
      at = end
    }
  }

  waited(at: number, millis: number): void {
    this.#waits.push({ at, millis })
    const second = Math.floor(at / 1_000)
    this.#worstBySecond[second] = Math.max(this.#worstBySecond[second] ?? 0, millis)
  }

  released(millis: number): void {
    const now = this.#pool.clock.now()
    this.#spread(this.#held, now - millis, now, 1)
  }

  refused(error: unknown): void {
    count(this.#failed, isPoolkeeperError(error) ? error.code : String(error))
  }

  closed(end: number): Replay {
    this.#change(0)
    const steps = Array.from({ length: Math.ceil(end / this.#stepMillis) }, (_, step) => ({
      connections: (this.#open[step] ?? 0) / this.#stepMillis,
      inUse: (this.#held[step] ?? 0) / this.#stepMillis,
    }))
    const waitsMillis = Float64Array.from(this.#waits, ({ millis }) => millis).sort()
    const failed = Object.values(this.#failed).reduce((sum, each) => sum + each, 0)
    return {
      millis: end,
      callers: this.#waits.length + failed,
      failed: this.#failed,
      waitsMillis: Array.from(waitsMillis),
      waitedShare: waitsMillis.filter((wait) => wait > CHECK_MILLIS).length / Math.max(1, this.#waits.length),
      connectionHours: this.#open.reduce((sum, each) => sum + (each ?? 0), 0) / 3_600_000,
      mostConnections: this.#most,
      opened: this.#opened,
      resized: this.#resized,
      steps: stepsOf(steps, this.#waits, this.#stepMillis),
      worstBySecond: Array.from(this.#worstBySecond, (worst) => worst ?? 0),
    }
  }
}

function count(by: Record<string, number>, key: string): void {
  by[key] = (by[key] ?? 0) + 1
}
