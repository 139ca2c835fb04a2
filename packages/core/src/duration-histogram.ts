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

/** What a metrics system makes a histogram of. */
export interface DurationBuckets {
  readonly count: number
  readonly sumMillis: number
  /** For each bound, how many were no longer; a duration that is within a hundredth of a bound may count to either side. */
  readonly upTo: readonly number[]
}

const LONGEST_MICROS = 24 * 3_600_000_000

/** Up to here every microsecond has a bucket of its own. */
const EXACT_BITS = 8
const EXACT = 2 ** EXACT_BITS
/** Above, each power of two has so many: a bucket is narrower than a hundredth of what is in it. */
const BUCKETS_A_POWER = EXACT / 2
const BUCKETS = EXACT + (Math.floor(Math.log2(LONGEST_MICROS)) + 1 - EXACT_BITS) * BUCKETS_A_POWER

/**
 * Durations in a fixed amount of memory, with two significant digits.
 *
 * A record is two additions in plain numbers. It is made at every return of a connection, and a
 * call into a native histogram costs as much there as everything else that is decided.
 */
export class DurationHistogram {
  readonly #counts = new Uint32Array(BUCKETS)
  #zeros = 0
  #recorded = 0
  #sumMicros = 0
  #maxMicros = 0
  /** Each percentile is a walk over all buckets, so nothing is asked twice. */
  #summary: DurationSummary | undefined

  recordZero(): void {
    this.#zeros++
  }

  record(millis: number): void {
    const micros = Math.round(millis * 1_000)
    if (micros < 1) this.#zeros++
    else this.#record(micros < LONGEST_MICROS ? micros : LONGEST_MICROS)
  }

  #record(micros: number): void {
    const bucket = bucketOf(micros)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#recorded++
    this.#sumMicros += micros
    if (micros > this.#maxMicros) this.#maxMicros = micros
  }

  /** At once, and exact. */
  get sumMillis(): number {
    return this.#sumMicros / 1_000
  }

  /** How many took any time. */
  get positives(): number {
    return this.#recorded
  }

  /** At once, and exact. */
  get meanMillis(): number {
    const count = this.#recorded + this.#zeros
    return count === 0 ? 0 : this.#sumMicros / count / 1_000
  }

  summary(): DurationSummary {
    const count = this.#recorded + this.#zeros
    if (this.#summary?.count !== count) this.#summary = Object.freeze(this.#summarise(count))
    return this.#summary
  }

  /** @param boundsMillis - ascending */
  buckets(boundsMillis: readonly number[]): DurationBuckets {
    let bucket = 0
    let counted = this.#zeros
    const upTo = boundsMillis.map((bound) => {
      // Zeros are below every bound; below a bound of no time there is nothing else.
      const last = bound > 0 ? bucketOf(Math.min(Math.round(bound * 1_000), LONGEST_MICROS)) : -1
      for (; bucket <= last; bucket++) counted += this.#counts[bucket] ?? 0
      return counted
    })
    return { count: this.#recorded + this.#zeros, sumMillis: this.#sumMicros / 1_000, upTo }
  }

  #summarise(count: number): DurationSummary {
    const at = (percent: number): number => this.#percentile(percent, count)
    return {
      count,
      mean: this.meanMillis,
      p50: at(50),
      p90: at(90),
      p99: at(99),
      p999: at(99.9),
      max: this.#maxMicros / 1_000,
    }
  }

  #percentile(percent: number, count: number): number {
    // The zeros are the lowest ranks.
    let left = Math.ceil((percent / 100) * count) - this.#zeros
    if (left <= 0) return 0
    const bucket = this.#counts.findIndex((inBucket) => (left -= inBucket) <= 0)
    return Math.min(highestOf(bucket), this.#maxMicros) / 1_000
  }
}

function bucketOf(micros: number): number {
  if (micros < EXACT) return micros
  // Bit operations know 32 bits: half an hour and more is measured in units of 256 microseconds.
  return micros < 2 ** 31 ? bucketOfBits(micros, 0) : bucketOfBits(Math.floor(micros / 256), 8)
}

function bucketOfBits(micros: number, bitsOff: number): number {
  const power = 31 - Math.clz32(micros) - EXACT_BITS
  return EXACT + (power + bitsOff - 1) * BUCKETS_A_POWER + (micros >>> (power + 1))
}

/** The longest duration that belongs into a bucket. */
function highestOf(bucket: number): number {
  if (bucket < EXACT) return bucket
  const power = Math.floor((bucket - EXACT) / BUCKETS_A_POWER)
  const within = (bucket - EXACT) % BUCKETS_A_POWER
  const step = 2 ** (power + 1)
  return (BUCKETS_A_POWER + within + 1) * step - 1
}
