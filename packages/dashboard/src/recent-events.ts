import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { channelName, describeEvent, DESCRIBED_EVENTS, type EventDescription, type PoolEvent } from '@poolkeeper/core'

const KEPT = 50

/** Something worth a line that happened in a pool. */
export interface EventLine extends Omit<EventDescription, 'place'> {
  /** Milliseconds since the epoch: when it happened last. */
  readonly at: number
  /** As the policy calls it; two pools may be called the same. */
  readonly pool: string
  readonly type: string
  readonly times: number
}

/**
 * The last events that are worth a line, of all pools, also of the time before anybody looked. None of them is made at
 * a checkout that succeeds, so hearing them costs nothing there.
 */
export class RecentEvents {
  readonly #lines = new Map<string, EventLine>()
  readonly #withStatements: boolean
  #seen = 0

  constructor(withStatements: boolean) {
    this.#withStatements = withStatements
    for (const type of DESCRIBED_EVENTS) subscribe(channelName(type), this.#hear)
  }

  /** Grows with each event. */
  get seen(): number {
    return this.#seen
  }

  /** The newest first. */
  lines(): EventLine[] {
    return [...this.#lines.values()].toReversed()
  }

  close(): void {
    for (const type of DESCRIBED_EVENTS) unsubscribe(channelName(type), this.#hear)
  }

  /** Must not throw: Node would make an uncaught exception of it. */
  readonly #hear = (heard: unknown): void => {
    try {
      this.#keep(heard as PoolEvent)
    } catch {
      // An error whose message cannot be read has no line.
    }
  }

  #keep(event: PoolEvent): void {
    const description = describeEvent(this.#withStatements ? event : withoutStatement(event))
    if (description === undefined) return
    const { place, ...told } = description
    const { pool, type, at } = event
    // A storm of one kind is one line, and must not drive out all others.
    const key = JSON.stringify([pool, type, place])
    const times = (this.#lines.get(key)?.times ?? 0) + 1
    this.#lines.delete(key)
    this.#lines.set(key, { at, pool, type, times, ...told })
    this.#seen++
    const [oldest] = this.#lines.size > KEPT ? this.#lines.keys() : []
    if (oldest !== undefined) this.#lines.delete(oldest)
  }
}

function withoutStatement(event: PoolEvent): PoolEvent {
  return event.type === 'leaked' ? { ...event, lastQuery: undefined } : event
}
