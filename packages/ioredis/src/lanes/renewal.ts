import type { Clock, PoolPolicy, Timer } from '@poolkeeper/core'
import type { Lane, LaneEnd } from './lane.ts'
import type { Opener } from './opener.ts'

/** One that nobody has used for so long goes at its end of life without another one in its place. */
const UNUSED_AFTER_MILLIS = 30_000
/** After a failed attempt to open one in its place. */
const PAUSE_MILLIS = 1_000

/** Replaces lanes: another one is opened first, takes the commands that come, and then the old one goes. */
export class Renewal {
  readonly #clock: Clock
  readonly #opener: Opener
  readonly #leave: (lane: Lane, end: LaneEnd) => void
  readonly #timers = new Map<Lane, Timer>()
  readonly #due = new Map<Lane, LaneEnd>()
  #pause: Timer | undefined
  #isRunning = false
  #isStopped = false

  constructor(clock: Clock, opener: Opener, leave: (lane: Lane, end: LaneEnd) => void) {
    this.#clock = clock
    this.#opener = opener
    this.#leave = leave
  }

  /** Its life ends so long after it was opened, by its own draw. */
  plan(lane: Lane, { lifetimeSpread, maxLifetimeMillis }: PoolPolicy): void {
    this.#timers.get(lane)?.cancel()
    if (maxLifetimeMillis === false) return
    const dueAt = lane.openedAt + maxLifetimeMillis * (1 - lifetimeSpread * lane.draw)
    this.#timers.set(
      lane,
      this.#clock.after(Math.max(1, dueAt - this.#clock.now()), () => this.#expired(lane)),
    )
  }

  forget(lane: Lane): void {
    this.#timers.get(lane)?.cancel()
    this.#timers.delete(lane)
    this.#due.delete(lane)
  }

  /** One after the other. */
  replace(lanes: readonly Lane[], end: LaneEnd): void {
    for (const lane of lanes) this.#due.set(lane, end)
    void this.#run()
  }

  stop(): void {
    this.#isStopped = true
    this.#pause?.cancel()
    for (const timer of this.#timers.values()) timer.cancel()
  }

  #expired(lane: Lane): void {
    const isUsed = lane.isActive || this.#clock.now() - lane.restedAt < UNUSED_AFTER_MILLIS
    if (isUsed) this.replace([lane], 'maxLifetime')
    else this.#leave(lane, 'maxLifetime')
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    for (const [lane, end] of this.#due) {
      if (this.#isStopped) return
      if (!(await this.#arrives())) break
      this.#due.delete(lane)
      this.#leave(lane, end)
    }
    this.#isRunning = false
    if (this.#due.size === 0 || this.#isStopped) return
    this.#pause = this.#clock.after(PAUSE_MILLIS, () => void this.#run())
  }

  #arrives(): Promise<boolean> {
    return this.#opener.open().done.then(
      () => true,
      () => false,
    )
  }
}
