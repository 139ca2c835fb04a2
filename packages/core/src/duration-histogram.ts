import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** How long something took, in milliseconds. All figures are `0` while `count` is `0`. */
export interface DurationSummary {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

const LONGEST_MICROS = 24 * 3_600_000_000

/**
 * Durations in a fixed amount of memory, with two significant digits.
 *
 * Durations of zero are only counted: most checkouts of a healthy pool do not wait, and an
 * integer is a tenth of the price of a record.
 */
export class DurationHistogram {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: LONGEST_MICROS, figures: 2 })
  #zeros = 0
  #sumMicros = 0
  /** Node goes through all buckets for each percentile, so nothing is asked twice. */
  #summary: DurationSummary | undefined

  recordZero(): void {
    this.#zeros++
  }

  record(millis: number): void {
    const micros = Math.round(millis * 1_000)
    if (micros < 1) this.#zeros++
    else {
      this.#sumMicros += micros
      this.#histogram.record(Math.min(micros, LONGEST_MICROS))
    }
  }

  /** At once, and exact. */
  get meanMillis(): number {
    const count = this.#histogram.count + this.#zeros
    return count === 0 ? 0 : this.#sumMicros / count / 1_000
  }

  summary(): DurationSummary {
    const count = this.#histogram.count + this.#zeros
    if (this.#summary?.count !== count) this.#summary = Object.freeze(this.#summarise(count))
    return this.#summary
  }

  #summarise(count: number): DurationSummary {
    const recorded = count - this.#zeros
    const at = (percent: number): number => this.#percentile(percent, recorded, count)
    return {
      count,
      mean: this.meanMillis,
      p50: at(50),
      p90: at(90),
      p99: at(99),
      p999: at(99.9),
      max: recorded === 0 ? 0 : this.#histogram.max / 1_000,
    }
  }

  #percentile(percent: number, recorded: number, count: number): number {
    // The zeros are the lowest ranks; the rest of the ranks are the histogram's.
    const rank = (percent / 100) * count - this.#zeros
    if (recorded === 0 || rank <= 0) return 0
    return this.#histogram.percentile(Math.min(100, (rank / recorded) * 100)) / 1_000
  }
}
