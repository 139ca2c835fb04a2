import { systemClock, type Clock, type Timer } from '@poolkeeper/core'

/** Real time, told as if it ran so many times as fast: what a policy calls a minute is over in a part of a second. */
export class AcceleratedClock implements Clock {
  readonly #speed: number
  readonly #wallStart: number
  readonly #startedAt: number = systemClock.now()

  /** @param wallStart - what the wall clock says now, in milliseconds since the epoch */
  constructor(speed: number, wallStart: number) {
    this.#speed = speed
    this.#wallStart = wallStart
  }

  now(): number {
    return (systemClock.now() - this.#startedAt) * this.#speed
  }

  /** Both clocks run alike: the real one may be set meanwhile, and would look like a suspended process. */
  wallNow(): number {
    return this.#wallStart + this.now()
  }

  after(millis: number, callback: () => void, isAwaited?: boolean): Timer {
    return systemClock.after(millis / this.#speed, callback, isAwaited)
  }

  afterInput(callback: () => void): void {
    systemClock.afterInput(callback)
  }
}
