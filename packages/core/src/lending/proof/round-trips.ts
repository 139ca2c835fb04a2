const REMEMBERED = 16
const ENOUGH = 3
const MARGIN = 4

/** No check is called slow before this, however fast the server usually is. */
export const SLOW_AFTER_AT_LEAST_MILLIS = 100

/**
 * How long this pool's checks usually take, and so when one is slow enough to try a rival
 * beside it.
 *
 * Four times the second slowest of the last sixteen: one outlier changes nothing, and a server
 * that has become slow is recognised as such after two answers.
 */
export class RoundTrips {
  readonly #recent: number[] = []
  #next = 0

  add(millis: number): void {
    this.#recent[this.#next] = millis
    this.#next = (this.#next + 1) % REMEMBERED
  }

  /**
   * Milliseconds of silence that are unusual here. Without history nobody can tell, so half of
   * the check's own deadline is granted.
   */
  slowAfter(validationTimeoutMillis: number): number {
    if (this.#recent.length < ENOUGH) return validationTimeoutMillis / 2
    const [, secondSlowest = 0] = this.#recent.toSorted((a, b) => b - a)
    return Math.max(SLOW_AFTER_AT_LEAST_MILLIS, MARGIN * secondSlowest)
  }
}
