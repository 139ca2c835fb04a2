import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { attendedPools } from '../attended-pools.ts'
import { systemClock, type Clock } from '../clock.ts'
import { channelName, type PoolEvent, type PoolEventType } from '../events.ts'
import { DESCRIBED_EVENTS, lineOf, textOf, type LogLevel, type Text } from './texts.ts'

/** A logger as pino's, winston's or bunyan's: facts first, then the text. */
export type PoolLogger = Readonly<Record<LogLevel, (facts: PoolLogFacts, text: string) => unknown>>

/** One line, for those who have no such logger. */
export interface PoolLogLine {
  readonly level: LogLevel
  readonly text: string
  readonly facts: PoolLogFacts
}

/** What stands beside the text, for machines. */
export interface PoolLogFacts {
  readonly pool: string
  readonly event: PoolEventType
  /** What the pool held when the line was written, and its `max`. */
  readonly counts?: Readonly<Record<string, number>>
  /** How many of the same kind had no line of their own since the last. */
  readonly silenced: number
  /** What went wrong below, under the name by which loggers look for it. */
  readonly err?: unknown
}

export interface LogPoolsOptions {
  /**
   * The least level that is written.
   *
   * @defaultValue `'info'`
   */
  readonly level?: LogLevel
  /**
   * Milliseconds in which the same kind of event of one pool, with one cause or at one line of code, gets
   * one line. What came meanwhile is counted, and told by the next line, or at the end of that time.
   *
   * @defaultValue `60_000`
   */
  readonly quietMillis?: number
  /** @defaultValue real time */
  readonly clock?: Clock
}

const RANKS: Readonly<Record<LogLevel, number>> = { info: 0, warn: 1, error: 2 }
const QUIET_MILLIS = 60_000
const KINDS_REMEMBERED = 500

interface Quiet {
  readonly until: number
  silenced: number
}

/**
 * Writes what happens in the pools of this process to a logger: failures, leaks, deadlocks, incidents, and
 * what was done to a pool; each with what the pool held, its cause, and what to do. Never what happens at
 * every checkout, so that these cost what they cost without it.
 *
 * A logger that throws, or whose promise rejects, changes nothing, and is reported as a process warning.
 *
 * @returns a function that ends it
 */
export function logPools(logger: PoolLogger | ((line: PoolLogLine) => unknown), options: LogPoolsOptions = {}): () => void {
  const log = new PoolLog(logger, options)
  const hear = (event: unknown): void => log.hear(event as PoolEvent)
  const channels = DESCRIBED_EVENTS.map(channelName)
  for (const channel of channels) subscribe(channel, hear)
  return () => {
    for (const channel of channels) unsubscribe(channel, hear)
  }
}

class PoolLog {
  readonly #logger: Parameters<typeof logPools>[0]
  readonly #rank: number
  readonly #quietMillis: number
  readonly #clock: Clock
  readonly #quiet = new Map<string, Quiet>()
  #hasComplained = false

  constructor(logger: Parameters<typeof logPools>[0], { level = 'info', quietMillis = QUIET_MILLIS, clock = systemClock }: LogPoolsOptions) {
    this.#logger = logger
    this.#rank = RANKS[level]
    this.#quietMillis = quietMillis
    this.#clock = clock
  }

  /** Must not throw: Node would make an uncaught exception of it. */
  hear(event: PoolEvent): void {
    try {
      const text = textOf(event)
      if (text === undefined || RANKS[text.level] < this.#rank) return
      // Entered before it is written: a logger that uses the pool may cause the next.
      if (this.#isDue(event, text)) this.#write(event, text, 0)
    } catch (error) {
      this.#complain(error)
    }
  }

  #isDue(event: PoolEvent, text: Text): boolean {
    const key = `${event.pool}\n${event.type}\n${text.place ?? ''}`
    const quiet = this.#quiet.get(key)
    if (quiet !== undefined && this.#clock.now() < quiet.until) {
      if (quiet.silenced++ === 0) this.#clock.after(quiet.until - this.#clock.now(), () => this.#tellSilenced(key, event, text, quiet))
      return false
    }
    this.#remember(key)
    return true
  }

  #remember(key: string): void {
    this.#quiet.delete(key)
    this.#quiet.set(key, { until: this.#clock.now() + this.#quietMillis, silenced: 0 })
    const [oldest] = this.#quiet.size > KINDS_REMEMBERED ? this.#quiet.keys() : []
    if (oldest !== undefined) this.#quiet.delete(oldest)
  }

  #tellSilenced(key: string, event: PoolEvent, text: Text, { silenced }: Quiet): void {
    this.#remember(key)
    try {
      // The one that this line is about is one of them.
      this.#write(event, text, silenced - 1)
    } catch (error) {
      this.#complain(error)
    }
  }

  #write({ pool, type }: PoolEvent, text: Text, silenced: number): void {
    const counts = countsOf(pool)
    const line = lineOf(pool, text, counts, silenced)
    const facts: PoolLogFacts = {
      pool,
      event: type,
      silenced,
      ...(counts !== undefined && { counts }),
      ...(text.cause !== undefined && { err: text.cause }),
    }
    const { level } = text
    const returned: unknown =
      typeof this.#logger === 'function' ? this.#logger({ level, text: line, facts }) : this.#logger[level](facts, line)
    const { then } = (returned ?? {}) as Partial<PromiseLike<unknown>>
    if (typeof then === 'function') then.call(returned, undefined, (error: unknown) => this.#complain(error))
  }

  /** Once: where a logger fails, it fails each time. */
  #complain(error: unknown): void {
    if (this.#hasComplained) return
    this.#hasComplained = true
    process.emitWarning(`a logger given to logPools() failed: ${String(error)}`, {
      type: 'PoolkeeperWarning',
      code: 'POOLKEEPER_LOGGER_FAILED',
    })
  }
}

/** Of the one pool that bears the name. */
function countsOf(name: string): (Record<'used' | 'idle' | 'validating' | 'opening' | 'closing' | 'pending' | 'max', number>) | undefined {
  const [pool, other] = attendedPools().filter(({ keeper }) => keeper.name === name)
  if (pool === undefined || other !== undefined) return undefined
  const { used, idle, validating, opening, closing, pending, max } = pool.stats
  return { used, idle, validating, opening, closing, pending, max }
}
