import { CLOSE_REASONS, type CloseReason } from './close-reason.ts'
import type { PoolCounts } from './counts.ts'
import { DurationHistogram, type DurationSummary } from './duration-histogram.ts'

/** A pool at one moment, and what happened in it since it was attached. */
export interface PoolStats extends PoolCounts {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly acquires: Readonly<AcquireCounters>
  readonly opens: { readonly ok: number; readonly failed: number }
  readonly validations: Readonly<ValidationCounters>
  /** Connections closed, by reason. */
  readonly closes: Readonly<Record<CloseReason, number>>
  /** Connections held for longer than the leak threshold. */
  readonly leaks: number
  /** Connections opened ahead to take the place of one that was about to retire. */
  readonly replacements: number
  /** Raised by every incident that made the pool prove its connections again. */
  readonly generation: number
  readonly waitMillis: DurationSummary
  readonly useMillis: DurationSummary
  readonly openMillis: DurationSummary
}

export interface AcquireCounters {
  ok: number
  timedOut: number
  aborted: number
  refused: number
  failed: number
}

export interface ValidationCounters {
  ok: number
  failed: number
  timedOut: number
  /** Checkouts that needed no check: proven recently enough. */
  skipped: number
}

/** Plain numbers, counted where things happen and handed over when somebody asks. */
export class Counters {
  readonly acquires: AcquireCounters = { ok: 0, timedOut: 0, aborted: 0, refused: 0, failed: 0 }
  readonly opens: { ok: number; failed: number } = { ok: 0, failed: 0 }
  readonly validations: ValidationCounters = { ok: 0, failed: 0, timedOut: 0, skipped: 0 }
  readonly closes: Record<CloseReason, number> = Object.fromEntries(
    CLOSE_REASONS.map((reason) => [reason, 0]),
  ) as Record<CloseReason, number>
  readonly wait: DurationHistogram = new DurationHistogram()
  readonly use: DurationHistogram = new DurationHistogram()
  readonly open: DurationHistogram = new DurationHistogram()
  leaks = 0
  replacements = 0

  snapshot(): Omit<PoolStats, keyof PoolCounts | 'name' | 'min' | 'max' | 'generation'> {
    return {
      acquires: { ...this.acquires },
      opens: { ...this.opens },
      validations: { ...this.validations },
      closes: { ...this.closes },
      leaks: this.leaks,
      replacements: this.replacements,
      waitMillis: this.wait.summary(),
      useMillis: this.use.summary(),
      openMillis: this.open.summary(),
    }
  }
}
