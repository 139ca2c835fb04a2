/** A median with the interval that holds it at 95 % confidence, from so many samples. */
export interface Estimate {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly samples: number
}

const OUTSIDE = 0.05

export function median(samples: readonly number[]): number {
  const sorted = ascending(samples)
  const middle = (sorted.length - 1) / 2
  return (at(sorted, Math.floor(middle)) + at(sorted, Math.ceil(middle))) / 2
}

/** The smallest sample that at least this share of all samples does not exceed. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = ascending(samples)
  // Thousandths have no exact form in binary: 1_000 × 0.999 must not end up above 999.
  const rank = Math.ceil(sorted.length * share - 1e-9)
  return at(sorted, Math.min(Math.max(rank, 1), sorted.length) - 1)
}

/**
 * The interval is one of order statistics: it assumes nothing of the distribution. With fewer than
 * six samples no such interval reaches 95 %, and it is the whole range.
 */
export function estimate(samples: readonly number[]): Estimate {
  const sorted = ascending(samples)
  const cut = outermostRanks(sorted.length)
  return {
    median: median(sorted),
    low: at(sorted, cut),
    high: at(sorted, sorted.length - 1 - cut),
    samples: sorted.length,
  }
}

/** How many samples may be left out at each end: the median is among them as seldom as `OUTSIDE` allows. */
function outermostRanks(count: number): number {
  let probability = 0.5 ** count
  let tail = probability
  let ranks = 0
  while (tail <= OUTSIDE / 2) {
    ranks++
    probability *= (count - ranks + 1) / ranks
    tail += probability
  }
  return Math.max(0, ranks - 1)
}

function ascending(samples: readonly number[]): readonly number[] {
  if (samples.length === 0) throw new RangeError('statistics of no samples')
  return [...samples].sort((one, other) => one - other)
}

function at(samples: readonly number[], index: number): number {
  const sample = samples[index]
  if (sample === undefined) throw new RangeError(`no sample at ${index} of ${samples.length}`)
  return sample
}
