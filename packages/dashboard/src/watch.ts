import { attendedPools, type AttendedPool, type Clock, type PoolKeeper, type Timer } from '@poolkeeper/core'
import type { Sink } from './ask.ts'
import { LISTED_POOLS, poolFrameOf, sampleOf, type Frame, type History, type PoolFrame, type Sample } from './frames.ts'
import type { DashboardSettings } from './options.ts'
import { RecentDurations } from './recent-durations.ts'
import type { RecentEvents } from './recent-events.ts'

const SAMPLE_MILLIS = 1_000
/** Five minutes. */
const SAMPLES_KEPT = 300
/** A minute. */
const RECENT_SAMPLES = 60
/** Who takes nothing for so long is gone, whatever the network says. */
const BLOCKED_MILLIS = 30_000
/** Then a page asks again, and so does `authorize`: what was allowed once is not allowed for ever. */
const WATCH_MILLIS = 10 * 60_000
const RETRY_MILLIS = 2_000

interface Watcher {
  readonly sink: Sink
  readonly since: number
  /** How many events there had been when it was last told of them. */
  eventsSeen: number
  blockedSince: number | undefined
}

interface Observed {
  readonly samples: Sample[]
  readonly recent: RecentDurations
}

/**
 * Looks at the pools once a second and tells everybody who watches. While nobody does, there is no timer, and nothing
 * is kept.
 */
export class Watch {
  readonly #settings: DashboardSettings
  readonly #events: RecentEvents
  readonly #watchers = new Set<Watcher>()
  /** A pool that nobody else holds any more is not held here. */
  #observed = new WeakMap<PoolKeeper, Observed>()
  #timer: Timer | undefined

  constructor(settings: DashboardSettings, events: RecentEvents) {
    this.#settings = settings
    this.#events = events
  }

  get isFull(): boolean {
    return this.#watchers.size >= this.#settings.maxWatchers
  }

  get watchers(): number {
    return this.#watchers.size
  }

  /** Tells `sink` of all pools from now on, until the returned function is called. */
  add(sink: Sink): () => void {
    const { operations, statements } = this.#settings
    const all = attendedPools()
    if (this.#watchers.size === 0) this.#observe(all)
    const watcher: Watcher = { sink, since: this.#clock.now(), eventsSeen: this.#events.seen, blockedSince: undefined }
    this.#watchers.add(watcher)
    sink.write(`retry: ${RETRY_MILLIS}\n${message('hello', { operations, statements })}`)
    sink.write(message('history', this.#history(all)))
    sink.write(message('events', this.#events.lines()))
    sink.write(message('pools', this.#frame(all)))
    this.#timer ??= this.#clock.after(SAMPLE_MILLIS, () => this.#tick())
    return () => this.#remove(watcher)
  }

  /** Ends all streams. */
  close(): void {
    for (const watcher of [...this.#watchers]) this.#end(watcher)
  }

  get #clock(): Clock {
    return this.#settings.clock
  }

  #tick(): void {
    this.#timer = undefined
    const now = this.#clock.now()
    for (const watcher of [...this.#watchers]) if (isOver(watcher, now)) this.#end(watcher)
    if (this.#watchers.size === 0) return
    const all = attendedPools()
    this.#observe(all)
    this.#tell(now, this.#frame(all))
    this.#timer = this.#clock.after(SAMPLE_MILLIS, () => this.#tick())
  }

  /** Who is behind misses a moment, and is told of the next: what is not taken must not pile up here. */
  #tell(now: number, frame: Frame): void {
    const pools = message('pools', frame)
    let events: string | undefined
    for (const watcher of this.#watchers) {
      if (watcher.sink.isBlocked) {
        watcher.blockedSince ??= now
        continue
      }
      watcher.blockedSince = undefined
      watcher.sink.write(pools)
      if (watcher.eventsSeen === this.#events.seen) continue
      watcher.eventsSeen = this.#events.seen
      watcher.sink.write((events ??= message('events', this.#events.lines())))
    }
  }

  #observe(all: readonly AttendedPool[]): void {
    const at = this.#clock.wallNow()
    for (const { keeper, stats } of listed(all)) {
      const { samples, recent } = this.#observedOf(keeper)
      samples.push(sampleOf(at, stats))
      if (samples.length > SAMPLES_KEPT) samples.shift()
      recent.look(keeper)
    }
  }

  #observedOf(keeper: PoolKeeper): Observed {
    const known = this.#observed.get(keeper)
    if (known !== undefined) return known
    const observed = { samples: [], recent: new RecentDurations(RECENT_SAMPLES) }
    this.#observed.set(keeper, observed)
    return observed
  }

  #frame(all: readonly AttendedPool[]): Frame {
    const pools = listed(all).map((pool): PoolFrame => {
      return poolFrameOf(pool, this.#observedOf(pool.keeper).recent, this.#settings.statements)
    })
    return { at: this.#clock.wallNow(), pools, otherPools: all.length - pools.length }
  }

  #history(all: readonly AttendedPool[]): History {
    return listed(all).map(({ name, keeper }) => [name, this.#observedOf(keeper).samples])
  }

  #end(watcher: Watcher): void {
    this.#remove(watcher)
    watcher.sink.end()
  }

  #remove(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    if (this.#watchers.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#observed = new WeakMap()
  }
}

function listed(all: readonly AttendedPool[]): readonly AttendedPool[] {
  return all.slice(0, LISTED_POOLS)
}

function isOver({ sink, since, blockedSince }: Watcher, now: number): boolean {
  if (sink.isClosing || now - since >= WATCH_MILLIS) return true
  return blockedSince !== undefined && now - blockedSince >= BLOCKED_MILLIS
}

/** JSON has no line breaks of its own, and a name with one is escaped in it. */
function message(event: 'hello' | 'history' | 'events' | 'pools', data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
