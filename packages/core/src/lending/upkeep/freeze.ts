import type { Clock } from '../../clock.ts'

/** A wall clock that runs ahead by more than this was not merely corrected. */
const SUSPENDED_AFTER_MILLIS = 2_000

const LOOK_EVERY_MILLIS = 0.05

/** A timer that is later than this did not wait for a busy event loop. */
export const STOPPED_AFTER_MILLIS = 5_000

/**
 * Notices that this process did not run for a while: a suspended laptop, a frozen function, a
 * paused virtual machine.
 *
 * There the monotonic clock stands still as well, so ages lie: a connection that was proven "ten
 * milliseconds ago" may have been silent for hours. The wall clock tells. Set back, it tells
 * nothing, and is only remembered.
 */
export class FreezeWatch {
  readonly #clock: Clock
  #ahead: number
  #lookedAt = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
    this.#ahead = clock.wallNow() - clock.now()
  }

  /** How long nothing ran since the last look, in milliseconds; `0` when all is well. */
  look(now: number): number {
    // Reading the wall clock costs as much as all the rest of a look.
    const sinceLook = now - this.#lookedAt
    if (sinceLook > 0 && sinceLook < LOOK_EVERY_MILLIS) return 0
    this.#lookedAt = now
    const ahead = this.#clock.wallNow() - now
    const jump = ahead - this.#ahead
    this.#ahead = ahead
    return jump >= SUSPENDED_AFTER_MILLIS ? jump : 0
  }
}
