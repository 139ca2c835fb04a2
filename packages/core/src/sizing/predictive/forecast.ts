import { integer } from '../../policy/bounds.ts'
import type { PoolSize } from '../options.ts'
import { staffingFor } from '../staffing.ts'
import { outlookAt, raised, readyFor, type Foresight, type PredictiveState } from './predictive.ts'
import { ratioAt } from './today.ts'
import { SLOT_MILLIS } from './week-clock.ts'

/** How far to look. */
export interface ForecastOptions {
  /**
   * Milliseconds from now that the curve covers.
   *
   * An integer from 300_000 to 604_800_000 (milliseconds).
   *
   * @defaultValue `86_400_000` (a day)
   */
  readonly horizonMillis?: number
}

/** What is expected of the load, and what a pool makes of it. */
export interface SizingForecast {
  /** When it was made, in milliseconds since the epoch. */
  readonly at: number
  /** `'cold'`: nothing is known of the time that it covers, and the pool is sized as with `adaptive`. */
  readonly from: ForecastOrigin
  /** Whose week it goes by. */
  readonly timeZone: string
  /** How likely the load is to stay below `high`. */
  readonly confidence: number
  /** Today's load in proportion to the usual one: with 1.2 it is a fifth more. */
  readonly today: number
  /** The load of the last ten seconds, in connections. */
  readonly load: number
  /** Connections that `adaptive` keeps now. */
  readonly adaptive: number
  /** Connections that are kept now. */
  readonly size: number
  /** One for each slot of five minutes; the first of them is now. */
  readonly points: readonly ForecastPoint[]
}

/** Where it comes from: `'learned'` from the same time in the weeks before, or `'cold'` where nobody has looked yet. */
export type ForecastOrigin = 'cold' | 'learned'

/** Five minutes to come. */
export interface ForecastPoint {
  /** Their beginning, in milliseconds since the epoch. */
  readonly at: number
  readonly from: ForecastOrigin
  /** In how many weeks this time of the week was seen. */
  readonly weeks: number
  /** The load on average, in connections; `undefined` where nothing was learnt. */
  readonly expected: number | undefined
  /** The lower edge of the band. */
  readonly low: number | undefined
  /** Its upper edge, below which the load stays with `confidence`. */
  readonly high: number | undefined
  /** Connections that will be kept; what is expected within the lead counts already. */
  readonly size: number
  /** Connections that `adaptive` would keep at the expected load; where nothing was learnt, what it keeps now. */
  readonly adaptive: number
}

/** What is so at this moment. */
export interface Present {
  readonly at: number
  readonly load: number
  /** What adaptive sizing keeps, and how many more it lets demand open. */
  readonly asked: PoolSize
  readonly bounds: PoolSize
  readonly confidence: number
}

const DAY_MILLIS = 86_400_000
const checkHorizon = integer({ min: SLOT_MILLIS, max: 7 * DAY_MILLIS })

export function forecastOf(
  state: PredictiveState,
  foresight: Foresight,
  present: Present,
  { horizonMillis = DAY_MILLIS }: ForecastOptions,
): SizingForecast {
  checkHorizon('horizonMillis', horizonMillis)
  const { asked, at, confidence, load } = present
  const points: ForecastPoint[] = []
  const first = foresight.clock.slotStart(at)
  for (let start = first; start < at + horizonMillis; start += SLOT_MILLIS) {
    points.push(pointAt(state, foresight, present, start))
  }
  return Object.freeze({
    at,
    from: points.some(({ from }) => from === 'learned') ? 'learned' : 'cold',
    timeZone: foresight.clock.timeZone,
    confidence,
    today: ratioAt(state.today, at),
    load,
    adaptive: asked.min,
    size: raised(asked, state.floor).min,
    points: Object.freeze(points),
  })
}

function pointAt(state: PredictiveState, foresight: Foresight, { asked, at, bounds }: Present, start: number): ForecastPoint {
  const outlook = outlookAt(state, foresight, start)
  const usual = outlook === undefined ? asked.min : staffingFor(outlook.expected, foresight.waitProbability)
  const adaptive = Math.min(asked.max, Math.max(bounds.min, usual))
  // Of the slot that has begun, what is measured counts as well.
  const least = start <= at ? Math.max(adaptive, asked.min) : adaptive
  return Object.freeze({
    at: start,
    from: outlook === undefined ? 'cold' : 'learned',
    weeks: state.history.slots[foresight.clock.slotAt(start)]?.weeks ?? 0,
    expected: outlook?.expected,
    low: outlook?.low,
    high: outlook?.high,
    size: raised({ min: least, max: asked.max }, readyFor(state, foresight, Math.max(at, start))).min,
    adaptive,
  })
}
