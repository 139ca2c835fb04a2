import type { Clock, SharedEvents, Waiter } from '@poolkeeper/core'
import { isWritable } from '../host/redis-client.ts'
import type { Lane } from './lane.ts'
import { type Job, Line } from './line.ts'

/** What becomes of a command whose lane was found. */
export interface DispatchHooks {
  /** So many commands go out on it. */
  used(lane: Lane, commands: number): void
  /** Somebody waits, and there is no lane. */
  wanted(): void
}

/** Finds a lane for each command, at once where one is there and known to be alive; else it waits in the line. */
export class Dispatch {
  readonly line: Line
  readonly #events: SharedEvents<Lane>
  readonly #hooks: DispatchHooks
  #usable: readonly Lane[] = []
  #isHeld = false
  #isAsking = false

  constructor(clock: Clock, events: SharedEvents<Lane>, timeoutMillis: number, hooks: DispatchHooks) {
    this.line = new Line(clock, events, timeoutMillis)
    this.#events = events
    this.#hooks = hooks
  }

  /** Those that may be given commands. */
  get usable(): readonly Lane[] {
    return this.#usable
  }

  use(lanes: readonly Lane[]): void {
    this.#usable = lanes
  }

  /** The lane on which so many commands go out at once; `undefined`: they have to wait. */
  take(commands: number): Lane | undefined {
    if (this.line.count > 0 || this.#isHeld) return undefined
    const lane = this.#pick()
    if (lane === undefined || (!lane.isActive && !this.#isClear())) return undefined
    this.#events.acquired(0)
    this.#hooks.used(lane, commands)
    return lane
  }

  wait(job: Job): void {
    const refusal = this.#events.admit()
    if (refusal !== undefined) return job.fail(refusal)
    this.line.add(job)
    this.serve()
  }

  /** While it is held, nothing goes out. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    if (!isHeld) this.serve()
  }

  serve(): void {
    if (this.line.count === 0 || this.#isHeld || this.#isAsking) return
    const clear = this.#events.clear(this.line.oldest)
    if (clear !== true) return this.#serveAfter(clear)
    this.line.flush((commands) => {
      const lane = this.#pick()
      if (lane !== undefined) this.#hooks.used(lane, commands)
      return lane
    })
    if (this.line.count > 0) this.#hooks.wanted()
  }

  waiters(): readonly Waiter[] {
    return this.line.all()
  }

  /** Somebody comes to a lane at rest: it has to be alive, and the keeper knows from him that the pool is in use. */
  #isClear(): boolean {
    if (this.#events.clear() !== true) return false
    // While somebody would be refused, the pool is held.
    this.#events.admit()
    return true
  }

  #serveAfter(clear: Promise<void>): void {
    this.#isAsking = true
    void clear.then(() => {
      this.#isAsking = false
      this.serve()
    })
  }

  /** The least loaded. One whose socket is gone, and who has not told us yet, is passed over. */
  #pick(): Lane | undefined {
    let best: Lane | undefined
    for (const lane of this.#usable) {
      if (lane.isProbing || !isWritable(lane.client)) continue
      if (best === undefined || lane.client.commandQueue.length < best.client.commandQueue.length) best = lane
    }
    return best
  }
}
