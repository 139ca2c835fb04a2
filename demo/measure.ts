/** One request, told in milliseconds since the run began. */
export interface Sample {
  /** When it was due: a stall of the process is part of the wait. */
  readonly sentAt: number
  /** How much later the load generator got round to it. */
  readonly lateMillis: number
  /** Until the answer; for one that was never answered, until the run was cut off. */
  readonly waitMillis: number
  readonly outcome: 'ok' | 'error' | 'unanswered'
  /** Its connection was opened after it had been sent: it waited for that. Missing where nobody knows. */
  readonly paidConnect?: boolean
  readonly error?: string
}

/** A wait, and whether it had ended when it was measured. */
export interface Wait {
  readonly millis: number
  readonly atLeast: boolean
}

/** `'never'`: not before the run ended. */
export type Recovery = number | 'never'

export interface Figures {
  readonly requests: number
  readonly ok: number
  readonly errors: number
  readonly unanswered: number
  readonly worst: Wait
  readonly p99: Wait
  /** Only of scenarios with a moment to recover from. */
  readonly recoveryMillis?: Recovery
  /** Only where it is known. */
  readonly paidConnects?: number
  /** Answers that were wrong, by what the server holds in the end; only of scenarios that look at it. */
  readonly wrong?: number
  /** The worst delay of the load generator itself; while the process stands still, all waits grow. */
  readonly lagMillis: number
}

/** A request that takes longer is not one of a pool that is well. */
export const WELL_MILLIS = 100

export function measure(samples: readonly Sample[], recoverFrom: number | undefined): Figures {
  const isPaidKnown = samples.some(({ paidConnect }) => paidConnect !== undefined)
  const count = (outcome: Sample['outcome']): number => samples.filter((sample) => sample.outcome === outcome).length
  return {
    requests: samples.length,
    ok: count('ok'),
    errors: count('error'),
    unanswered: count('unanswered'),
    worst: percentile(samples, 1),
    p99: percentile(samples, 0.99),
    ...(recoverFrom === undefined ? {} : { recoveryMillis: recovery(samples, recoverFrom) }),
    ...(isPaidKnown ? { paidConnects: samples.filter(({ paidConnect }) => paidConnect === true).length } : {}),
    lagMillis: Math.max(0, ...samples.map((sample) => sample.lateMillis)),
  }
}

/** By nearest rank, over all requests, whatever became of them. */
export function percentile(samples: readonly Sample[], rank: number): Wait {
  const sorted = [...samples].sort((a, b) => a.waitMillis - b.waitMillis)
  const found = sorted[Math.max(0, Math.ceil(rank * sorted.length) - 1)]
  return { millis: found?.waitMillis ?? 0, atLeast: found?.outcome === 'unanswered' }
}

/** From `from` until the last request that failed, or took too long, was over. */
export function recovery(samples: readonly Sample[], from: number): Recovery {
  const bad = samples.filter((sample) => endOf(sample) >= from && !isWell(sample))
  if (bad.length === 0) return 0
  const lastBadSentAt = Math.max(...bad.map(({ sentAt }) => sentAt))
  const isOver = bad.every(({ outcome }) => outcome !== 'unanswered')
  // Without one that went well afterwards nothing shows that it was the last.
  const isProven = samples.some((sample) => sample.sentAt > lastBadSentAt)
  return isOver && isProven ? Math.max(...bad.map(endOf)) - from : 'never'
}

function endOf({ sentAt, waitMillis }: Sample): number {
  return sentAt + waitMillis
}

function isWell({ outcome, waitMillis }: Sample): boolean {
  return outcome === 'ok' && waitMillis <= WELL_MILLIS
}

/** The texts of the errors, the most frequent first; those that differ in figures alone count as one. */
export function countErrors(samples: readonly Sample[]): { readonly text: string; readonly count: number }[] {
  const found = new Map<string, { text: string; count: number }>()
  for (const { error } of samples) {
    if (error === undefined) continue
    const kind = error.replace(/\d+/g, '0')
    const same = found.get(kind)
    if (same === undefined) found.set(kind, { text: error, count: 1 })
    else same.count += 1
  }
  return [...found.values()].sort((a, b) => b.count - a.count)
}
