// As a global it is an accessor, and costs a look-up at every use.
import process from 'node:process'

export interface Timer {
  cancel(): void
}

/**
 * The only source of time. Injected, so that every decision can be replayed on virtual time.
 */
export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number
  /** Milliseconds since the epoch, for people and for events. */
  wallNow(): number
  /**
   * Calls back once, `millis` from now. Keeps the process alive only if `isAwaited`: somebody waits
   * for a promise that this timer will settle. Earlier than asked for when that is longer than a timer
   * can be: whoever waits for a moment looks whether it has come.
   */
  after(millis: number, callback: () => void, isAwaited?: boolean): Timer
  /**
   * Calls back once everything that has already arrived from the network was read.
   *
   * A timer that fires late because this process was busy must not be believed before that:
   * the answer it waited for may lie unread in the socket's buffer.
   */
  afterInput(callback: () => void): void
}

/** The longest delay that a Node.js timer can hold, about 24.8 days; with a longer one it would fire at once. */
export const LONGEST_TIMER_MILLIS: number = 2_147_483_647

/** Real time. */
export const systemClock: Clock = {
  now() {
    // The same clock as that of `performance.now()`, which also checks at every call what it is called on.
    const time = process.hrtime()
    return time[0] * 1_000 + time[1] / 1e6
  },
  wallNow: () => Date.now(),
  after(millis, callback, isAwaited = false) {
    const timer = setTimeout(callback, Math.min(millis, LONGEST_TIMER_MILLIS))
    if (!isAwaited) timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  afterInput(callback) {
    // The event loop runs immediates right after it polled for input.
    setImmediate(callback)
  },
}
