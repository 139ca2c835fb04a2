import diagnosticsChannel, { type Channel } from 'node:diagnostics_channel'
import type { Clock } from './clock.ts'
import { channelName, EVENT_TYPES, type EventFacts, type PoolEvent, type PoolEventType } from './events.ts'

/** May be asynchronous; nobody waits for it. */
export type PoolObserver = (event: PoolEvent) => unknown

export interface SubscribeOptions {
  /**
   * Whether `acquired` and `acquireFailed` of callers who had to wait are told within the async context in which they
   * asked, so that an `AsyncLocalStorage` of the user's, or OpenTelemetry, knows whose they are. While somebody wants
   * that, every caller who is not served in the turn in which he asks costs a microsecond more.
   *
   * @defaultValue `false`
   */
  readonly withinCaller?: boolean
}

const CHANNELS = Object.fromEntries(
  EVENT_TYPES.map((type) => [type, diagnosticsChannel.channel(channelName(type))]),
) as Record<PoolEventType, Channel>

const { acquired: ACQUIRED, released: RELEASED } = CHANNELS

const WARNING_PAUSE_MILLIS = 60_000
const PLACES_REMEMBERED = 200

/**
 * Tells observers what happened, and never lets one change what happens.
 *
 * Nothing is paid for what nobody listens to: callers ask `hears(type)` before they build an event.
 */
export class Reporter {
  readonly pool: string
  readonly #clock: Clock
  readonly #observers = new Set<PoolObserver>()
  #withinCaller = 0
  readonly #warnings = new Map<string, { readonly at: number; silenced: number }>()

  constructor(pool: string, clock: Clock) {
    this.pool = pool
    this.#clock = clock
  }

  subscribe(observer: PoolObserver, { withinCaller = false }: SubscribeOptions = {}): () => void {
    // A function of our own, so that the same observer subscribed twice is heard twice and undone once.
    const own: PoolObserver = (event) => observer(event)
    this.#observers.add(own)
    if (withinCaller) this.#withinCaller++
    return () => {
      if (this.#observers.delete(own) && withinCaller) this.#withinCaller--
    }
  }

  /** Somebody wants to hear of callers within the context in which they asked. */
  get wantsContext(): boolean {
    return this.#withinCaller > 0
  }

  hears(type: PoolEventType): boolean {
    return this.#observers.size > 0 || CHANNELS[type].hasSubscribers
  }

  /** The same for `acquired` and `released`, on the hot path: two properties, and no look-up. */
  get hearsLeases(): boolean {
    return this.#observers.size > 0 || ACQUIRED.hasSubscribers || RELEASED.hasSubscribers
  }

  emit<T extends PoolEventType>(type: T, facts: EventFacts<T>): void {
    const event = { type, pool: this.pool, at: this.#clock.wallNow(), ...facts } as unknown as PoolEvent
    const complain = (error: unknown): void => {
      this.warn('OBSERVER_THREW', `an observer threw on "${type}": ${String(error)}`)
    }
    // A copy: an observer may subscribe or leave while it is told.
    for (const observer of [...this.#observers]) {
      try {
        const returned: unknown = observer(event)
        if (isThenable(returned)) returned.then(undefined, complain)
      } catch (error) {
        complain(error)
      }
    }
    // Node guards each subscriber of a channel itself, but reports a throw as an uncaught
    // exception on the next tick; that is the subscriber's own contract with Node.
    if (CHANNELS[type].hasSubscribers) CHANNELS[type].publish(event)
  }

  /** Once a minute for each code: a warning must not become the next problem. */
  warn(code: string, message: string): void {
    this.warnAt(code, '', () => message)
  }

  /** The same for each code and place; what is said knows how often it would have been said since. */
  warnAt(code: string, place: string, messageOf: (times: number) => string): void {
    const now = this.#clock.now()
    const key = `${code} ${place}`
    const last = this.#warnings.get(key)
    if (last !== undefined && now - last.at < WARNING_PAUSE_MILLIS) {
      last.silenced++
      return
    }
    this.#warnings.delete(key)
    this.#warnings.set(key, { at: now, silenced: 0 })
    // The oldest first: places may be without number.
    const [oldest] = this.#warnings.size > PLACES_REMEMBERED ? this.#warnings.keys() : []
    if (oldest !== undefined) this.#warnings.delete(oldest)
    const message = messageOf((last?.silenced ?? 0) + 1)
    process.emitWarning(`pool "${this.pool}": ${message}`, { type: 'PoolkeeperWarning', code: `POOLKEEPER_${code}` })
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === 'function'
}
