import type { Timer } from '../../clock.ts'
import type { ResizeReason } from '../../events.ts'
import type { PoolPolicy } from '../../policy/values.ts'
import { adapt, adaptiveOptions, adaptiveStart, type AdaptiveState } from '../../sizing/adaptive.ts'
import { answeredSize, isSameSizing, LARGEST_POOL } from '../../sizing/check.ts'
import { measured, type LoadSample, type SizingObservation } from '../../sizing/observation.ts'
import type { AdaptiveOptions, PoolSize, SizingFunction } from '../../sizing/options.ts'
import type { ForecastOptions, SizingForecast } from '../../sizing/predictive/forecast.ts'
import { predictiveOptions } from '../../sizing/predictive/options.ts'
import { Schedule } from '../../sizing/schedule.ts'
import type { LendingContext } from '../context.ts'
import { Learning } from './learning.ts'
import { sampleLoad } from './load.ts'

/** The wall clock may be set, and a suspended process hears of no time at all. */
const LOOK_AT_LEAST_EVERY_MILLIS = 60_000

/** A shorter one says little of a rate. */
const SHORTEST_WINDOW_MILLIS = 1_000

/** What puts a size into force. */
export interface Resizer {
  /** `kept`: idle connections above so many are closed. */
  settle(policy: PoolPolicy, reason: ResizeReason, kept?: number): void
}

/**
 * Puts into force what `sizing` says: at the moments of a schedule, by a timer of its own, since an
 * empty pool has no rounds; else with the rounds, by what was measured since the last look.
 */
export class Sizer<C extends object> {
  readonly #context: LendingContext<C>
  readonly #resizer: Resizer
  /** What it sizes: the policy as it is without it. */
  #base: PoolPolicy
  #schedule: Schedule | undefined
  /** What it said last; a `resize()` by hand holds until it says something else. */
  #said: PoolSize | undefined
  #sample: LoadSample | undefined
  #adaptive: { readonly options: Required<AdaptiveOptions>; state: AdaptiveState } | undefined
  #learning: Learning | undefined
  #timer: Timer | undefined
  #isStopped = false
  #isCarriedOver = false

  constructor(context: LendingContext<C>, resizer: Resizer) {
    this.#context = context
    this.#resizer = resizer
    this.#base = context.declared
  }

  /** Another policy: with the same sizing of the same limits, what it made of them holds on. */
  over(next: PoolPolicy): PoolPolicy {
    const base = this.#base
    const isUnchanged = isSame(next, base) && isSameSizing(next.sizing, base.sizing)
    this.#isCarriedOver = this.#said !== undefined && isUnchanged && next.mode === 'enforce' && base.mode === 'enforce'
    return this.#said === undefined || !this.#isCarriedOver ? next : sized((this.#base = next), this.#said)
  }

  reconfigured(): void {
    if (!this.#isCarriedOver) this.start()
    this.#isCarriedOver = false
  }

  /** The pool begins, or is sized in another way. */
  start(): void {
    const { sizing } = (this.#base = this.#context.declared)
    this.#timer?.cancel()
    this.#said = undefined
    this.#schedule = undefined
    this.#adaptive = undefined
    this.#sample = undefined
    this.#learnFor(sizing)
    if (sizing === false) return
    if (typeof sizing !== 'function' && 'schedule' in sizing) {
      this.#schedule = new Schedule(sizing)
      this.#followSchedule()
      return
    }
    this.#sample = sampleLoad(this.#context)
    if (typeof sizing === 'function') return
    const options = 'predictive' in sizing ? predictiveOptions(sizing) : adaptiveOptions(sizing)
    this.#adaptive = { options, state: adaptiveStart(this.#base) }
    if (this.#learning !== undefined) this.#followForecast()
  }

  /** What was learnt stays, also when the policy is changed in something else. */
  #learnFor(sizing: PoolPolicy['sizing']): void {
    if (this.#learning !== undefined && isSameSizing(this.#learning.sizing, sizing)) return
    this.#learning?.finish()
    const { clock, reporter } = this.#context
    const isLearnt = typeof sizing === 'object' && 'predictive' in sizing
    this.#learning = isLearnt ? new Learning(clock, reporter, sizing, () => this.#followSoon()) : undefined
  }

  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#timer?.cancel()
    this.#learning?.finish()
  }

  /** What is expected; `undefined` where nothing is learnt. */
  forecast(options: ForecastOptions): SizingForecast | undefined {
    if (this.#learning === undefined || this.#adaptive === undefined) return undefined
    const { kept, load, saturation } = this.#adaptive.state
    const { min, max } = this.#base
    const present = { at: this.#context.clock.wallNow(), load: load?.lately ?? 0, bounds: { min, max } }
    return this.#learning.forecast({ ...present, asked: { min: kept, max: saturation.limit } }, options)
  }

  /**
   * Somebody sets a size by hand, beside a sizing that goes by the load: he means the bounds, and not what it
   * has made of them.
   */
  byHand(resize: () => void): void {
    const { declared, observer } = this.#context
    if (this.#sample === undefined || observer !== undefined) return resize()
    this.#context.use(this.#base)
    try {
      resize()
    } catch (error) {
      this.#context.use(declared)
      throw error
    }
    this.#base = this.#context.declared
    this.#said = undefined
  }

  #followSchedule(): void {
    if (this.#schedule === undefined || this.#isStopped) return
    const now = this.#context.clock.wallNow()
    const { size, changesAt } = this.#schedule.sizeAt(now)
    if (size !== undefined) this.#say(size, 'schedule', size.max)
    const millis = Math.min(Math.ceil(changesAt - now), LOOK_AT_LEAST_EVERY_MILLIS)
    this.#timer = this.#context.clock.after(millis, () => this.#followSchedule())
  }

  /** By a timer of its own as well: what is opened ahead is opened in a pool that nobody uses yet. */
  #followForecast(): void {
    if (this.#isStopped) return
    this.look()
    this.#learning?.tend()
    this.#timer = this.#context.clock.after(LOOK_AT_LEAST_EVERY_MILLIS, () => this.#followForecast())
  }

  #followSoon(): void {
    if (this.#isStopped || this.#learning === undefined) return
    this.#timer?.cancel()
    this.#timer = this.#context.clock.after(SHORTEST_WINDOW_MILLIS, () => this.#followForecast())
  }

  /** In every round. */
  look(): void {
    const { sizing } = this.#base
    if (this.#sample === undefined || sizing === false || this.#isStopped) return
    const now = sampleLoad(this.#context)
    if (now.at - this.#sample.at < SHORTEST_WINDOW_MILLIS) return
    const observation = this.#observation(this.#sample, now)
    this.#sample = now
    if (typeof sizing === 'function') this.#ask(sizing, observation)
    else this.#adapt(observation)
  }

  #observation(before: LoadSample, after: LoadSample): SizingObservation {
    const { clock, policy } = this.#context
    return Object.freeze({
      at: clock.wallNow(),
      ...measured(before, after),
      counts: Object.freeze(this.#context.counts()),
      size: Object.freeze({ min: policy.min, max: policy.max }),
      bounds: Object.freeze(this.#bounds()),
    })
  }

  /** A function takes the place of the host's size, and stays within what the policy names. */
  #bounds(): PoolSize {
    const { max, min, sizing, sources } = this.#base
    if (typeof sizing !== 'function') return { min, max }
    return { min: sources.min === 'policy' ? min : 0, max: sources.max === 'policy' ? max : LARGEST_POOL }
  }

  #ask(sizing: SizingFunction, observation: SizingObservation): void {
    try {
      const size = answeredSize(sizing(observation), observation.bounds)
      this.#say(size, 'function', size.max)
    } catch (error) {
      const { reporter } = this.#context
      if (reporter.hears('sizingFailed')) reporter.emit('sizingFailed', { error })
      else reporter.warn('SIZING_FAILED', `the function for \`sizing\` failed: ${String(error)}`)
    }
  }

  #adapt(observation: SizingObservation): void {
    if (this.#adaptive === undefined) return
    const before = this.#adaptive.state
    const { state, size, reason } = adapt(before, observation, this.#adaptive.options)
    // Nothing was tried out, so nothing was learnt by it.
    const isTried = this.#context.observer === undefined
    this.#adaptive.state = isTried ? state : { ...state, saturation: before.saturation }
    const asked = isTried ? size : { ...size, max: this.#base.max }
    const next = this.#foreseen(asked, state, observation)
    const isFewer = next.min < (this.#said?.min ?? before.kept)
    this.#say(next, next.min > asked.min && reason === 'adaptive' ? 'predictive' : reason, isFewer ? next.min : size.max)
  }

  #foreseen(asked: PoolSize, { load }: AdaptiveState, observation: SizingObservation): PoolSize {
    if (this.#learning === undefined) return asked
    const { mayConnect, paused } = this.#context
    // A queue before a closed door is no habit of the callers.
    if (paused === false && mayConnect()) this.#learning.watch(observation, load?.lately ?? observation.load)
    return this.#learning.raise(asked, observation.at)
  }

  #say(size: PoolSize, reason: ResizeReason, kept: number): void {
    if (isSame(size, this.#said)) return
    this.#said = size
    const { declared, observer } = this.#context
    if (observer !== undefined) observer.resized(size, reason)
    else if (!isSame(size, declared)) this.#resizer.settle(sized(this.#base, size), reason, kept)
  }
}

function isSame(one: PoolSize, other: PoolSize | undefined): boolean {
  return one.min === other?.min && one.max === other.max
}

/** A minimum that is more than the host's own is really kept; without load, a server that sleeps may go on sleeping. */
function sized(base: PoolPolicy, { min, max }: PoolSize): PoolPolicy {
  const isKept = isNamed(base) || min > base.min
  const sources = Object.freeze({ ...base.sources, ...(isKept && { min: 'policy' as const }), max: 'policy' as const })
  return Object.freeze({ ...base, min, max, minIdle: base.minIdle && Math.min(base.minIdle, max), sources })
}

function isNamed({ sizing }: PoolPolicy): boolean {
  return typeof sizing === 'function' || (sizing !== false && 'schedule' in sizing)
}
