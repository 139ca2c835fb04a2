import { performance } from 'node:perf_hooks'

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
   * for a promise that this timer will settle.
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

/** Real time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(millis, callback, isAwaited = false) {
    const timer = setTimeout(callback, millis)
    if (!isAwaited) timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  afterInput(callback) {
    // The event loop runs immediates right after it polled for input.
    setImmediate(callback)
  },
}
