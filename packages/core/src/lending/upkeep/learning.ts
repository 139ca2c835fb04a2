import type { Clock } from '../../clock.ts'
import { PoolkeeperError } from '../../errors.ts'
import type { Reporter } from '../../reporter.ts'
import type { SizingHistory } from '../../sizing/history/store.ts'
import type { SizingObservation } from '../../sizing/observation.ts'
import type { PoolSize, PredictiveSizing } from '../../sizing/options.ts'
import { decodeHistory, encodeHistory } from '../../sizing/predictive/document.ts'
import { forecastOf, type ForecastOptions, type Present, type SizingForecast } from '../../sizing/predictive/forecast.ts'
import { predictiveOptions } from '../../sizing/predictive/options.ts'
import { marginOf } from '../../sizing/predictive/outlook.ts'
import {
  floorAt,
  leftOff,
  predictiveStart,
  raised,
  watched,
  type Foresight,
  type PredictiveState,
  type Watched,
} from '../../sizing/predictive/predictive.ts'
import { WEEK_SLOTS, WeekClock } from '../../sizing/predictive/week-clock.ts'
import { emptyHistory, learnt, type Visit } from '../../sizing/predictive/week-history.ts'

/** Two slots: a crash forgets no more. */
const SAVE_EVERY_MILLIS = 600_000

/** A store that does not answer is not asked for anything else. */
const STORE_PATIENCE_MILLIS = 30_000

/**
 * What a pool has learnt of its weeks, and the store that keeps it. All that concerns the store happens in the
 * background: nobody waits for it, and what goes wrong is reported, and changes nothing.
 */
export class Learning {
  readonly sizing: PredictiveSizing
  readonly #onRead: () => void
  readonly #clock: Clock
  readonly #reporter: Reporter
  readonly #store: SizingHistory
  readonly #foresight: Foresight
  readonly #confidence: number
  #state: PredictiveState
  /** Learnt before the store was read: it has to be learnt again on top of what is read. */
  #unread: Visit[] | undefined = []
  /** What a later version has written is not ours to replace. */
  #mayWrite = true
  #isUnsaved = false
  #savedAt: number
  #isAsking = false

  /** @param onRead - told once, when what was saved has been read */
  constructor(clock: Clock, reporter: Reporter, sizing: PredictiveSizing, onRead: () => void) {
    const { confidence, history, leadMillis, timeZone, waitProbability } = predictiveOptions(sizing)
    this.sizing = sizing
    this.#onRead = onRead
    this.#clock = clock
    this.#reporter = reporter
    this.#store = history
    this.#confidence = confidence
    this.#foresight = { clock: new WeekClock(timeZone), waitProbability, leadMillis, margin: marginOf(confidence) }
    this.#state = predictiveStart(emptyHistory(timeZone))
    this.#savedAt = clock.now()
  }

  /** Once in a while: reads what could not be read yet, and saves what is new. */
  tend(): void {
    if (this.#unread !== undefined) this.#ask('load', () => this.#load())
    else if (this.#clock.now() - this.#savedAt >= SAVE_EVERY_MILLIS) this.#saveIfNew()
  }

  /** The pool ends, or is left alone. */
  finish(): void {
    this.#keep(leftOff(this.#state))
    this.#saveIfNew()
  }

  /** `lately`: the load of the last seconds. What cannot be served at all is no habit of the callers. */
  watch(observation: SizingObservation, lately: number): void {
    const { at, bounds, load, windowMillis } = observation
    const window = { at, windowMillis, load: Math.min(load, bounds.max) }
    this.#keep(watched(this.#state, this.#foresight.clock, window, Math.min(lately, bounds.max)))
  }

  #keep({ over, state }: Watched): void {
    this.#state = state
    if (over === undefined) return
    this.#isUnsaved = true
    if (this.#unread !== undefined) this.#unread = [...this.#unread, over].slice(-WEEK_SLOTS)
  }

  /** What should stand ready of what adaptive sizing allows, and no less than it asks for. */
  raise(asked: PoolSize, at: number): PoolSize {
    this.#state = floorAt(this.#state, this.#foresight, at)
    return raised(asked, this.#state.floor)
  }

  forecast(present: Omit<Present, 'confidence'>, options: ForecastOptions): SizingForecast {
    return forecastOf(this.#state, this.#foresight, { ...present, confidence: this.#confidence }, options)
  }

  async #load(): Promise<void> {
    const document = await this.#store.load()
    const unread = this.#unread
    // Too late: it was asked again meanwhile, and has answered.
    if (unread === undefined) return
    this.#unread = undefined
    if (document === undefined) return
    const { history, isLater, refused } = decodeHistory(document, this.#foresight.clock.timeZone)
    if (history === undefined) {
      this.#mayWrite = !isLater
      throw new Error(refused)
    }
    this.#state = { ...this.#state, history: unread.reduce(learnt, history) }
    this.#onRead()
  }

  #saveIfNew(): void {
    if (!this.#isUnsaved || !this.#mayWrite || this.#unread !== undefined) return
    this.#ask('save', async () => {
      this.#isUnsaved = false
      this.#savedAt = this.#clock.now()
      await this.#store.save(encodeHistory(this.#state.history))
    })
  }

  /** One thing at a time. */
  #ask(act: 'load' | 'save', work: () => Promise<void>): void {
    if (this.#isAsking) return
    this.#isAsking = true
    const end = (): void => void (this.#isAsking = false)
    this.#inTime(work).catch((error: unknown) => this.#report(act, error)).finally(end)
  }

  #inTime(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Error(`the store did not answer within ${STORE_PATIENCE_MILLIS} ms`))
      const timer = this.#clock.after(STORE_PATIENCE_MILLIS, late)
      work()
        .finally(() => timer.cancel())
        .then(resolve, reject)
    })
  }

  #report(act: 'load' | 'save', cause: unknown): void {
    if (act === 'save') this.#isUnsaved = true
    const message = `the history of sizing could not be ${act === 'load' ? 'read' : 'saved'}: ${textOf(cause)}`
    const error = new PoolkeeperError('HISTORY_FAILED', message, { pool: this.#reporter.pool, cause })
    if (this.#reporter.hears('historyFailed')) this.#reporter.emit('historyFailed', { act, error })
    else this.#reporter.warn('HISTORY_FAILED', error.message)
  }
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
