import { exponential, logNormal, randomFrom } from './random.ts'
import type { Arrival, Trace } from './trace.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A Monday. */
export const DAY_BEGINS: number = Date.parse('2026-03-02T00:00:00Z')

/** With these the numbers in the code were chosen; with none of those that are shown. */
export const TUNING_SEEDS: readonly number[] = [1, 2, 3]
export const SHOWN_SEEDS: readonly number[] = [20260302, 20260303, 20260304]

export interface FlashCrowd {
  /** Milliseconds since the beginning of the trace. */
  readonly from: number
  readonly to: number
}

/** What is taken of a day. */
export interface DayOptions {
  /** Without its flash crowd: a day as every other. */
  readonly isUsual?: boolean
  /** Only these hours of it; the flash crowd comes in the second half. */
  readonly hours?: readonly [from: number, to: number]
  /** One caller in so many comes, and holds for so much longer: the same load, in a fraction of the time. */
  readonly fold?: number
}

export interface DayOfLoad extends Trace {
  readonly flash: FlashCrowd
  /** The mean of what is held, in milliseconds. */
  readonly holdMillis: number
  perSecond(atMillis: number): number
}

const NIGHT_PER_SECOND = 1
const DAY_PER_SECOND = 18
const LUNCH_PER_SECOND = 9
const CAMPAIGN_PER_SECOND = 12
const FLASH_PER_SECOND = 40
const HOLD_MILLIS = 700
const HOLD_SIGMA = 0.8

/**
 * A day in a shop: quiet at night, a swell over the day, a peak at lunch, a campaign at five that decays over an hour,
 * and at an hour that nobody foresaw a flash crowd, which is there within five seconds and stays for five minutes.
 * Arrivals are a Poisson process whose rate follows that curve; the seed decides on chance, on the hour of the crowd,
 * and by a tenth on how large each part is.
 */
export function dayOfLoad(seed: number, { isUsual = false, hours = [0, 24], fold = 1 }: DayOptions = {}): DayOfLoad {
  const random = randomFrom(seed)
  const about = (value: number): number => value * (0.9 + 0.2 * random())
  const [swell, lunch, campaign, crowd] = [DAY_PER_SECOND, LUNCH_PER_SECOND, CAMPAIGN_PER_SECOND, FLASH_PER_SECOND].map(about)
  const [begin, end] = [hours[0] * HOUR, hours[1] * HOUR]
  const [hour, minute] = [random(), random()]
  const flashFrom =
    hours[1] - hours[0] === 24
      ? (9 + Math.floor(hour * 11)) * HOUR + Math.floor(minute * 60) * MINUTE
      : begin + (0.5 + 0.4 * hour) * (end - begin)
  const flash = { from: flashFrom, to: flashFrom + 5 * MINUTE }
  const perSecond = (at: number): number => {
    const sun = Math.max(0, Math.sin(((at - 6 * HOUR) / (16 * HOUR)) * Math.PI))
    const sinceCampaign = at - 17 * HOUR
    return (
      NIGHT_PER_SECOND +
      (swell ?? 0) * (at > 6 * HOUR && at < 22 * HOUR ? sun : 0) +
      (lunch ?? 0) * Math.exp(-(((at - 12.5 * HOUR) / (0.5 * HOUR)) ** 2)) +
      (sinceCampaign >= 0 ? (campaign ?? 0) * Math.exp(-sinceCampaign / (20 * MINUTE)) : 0) +
      (!isUsual && at >= flash.from && at < flash.to ? (crowd ?? 0) * Math.min(1, (at - flash.from) / 5_000) : 0)
    )
  }
  const most = NIGHT_PER_SECOND + (swell ?? 0) + (lunch ?? 0) + (campaign ?? 0) + (crowd ?? 0)
  const holdMillis = HOLD_MILLIS * fold
  const arrivals = { [Symbol.iterator]: () => poisson(seed + 1, { begin, end, fold, holdMillis, most, perSecond }) }
  return {
    startedAt: DAY_BEGINS + begin,
    arrivals,
    flash: { from: flash.from - begin, to: flash.to - begin },
    holdMillis,
    perSecond: (at) => perSecond(at + begin) / fold,
  }
}

interface Rates {
  readonly begin: number
  readonly end: number
  readonly fold: number
  readonly holdMillis: number
  readonly most: number
  perSecond(at: number): number
}

/** By thinning: as many as the highest rate would bring, of which each stays by the rate of its moment. */
function* poisson(seed: number, { begin, end, fold, holdMillis, most, perSecond }: Rates): Generator<Arrival> {
  const random = randomFrom(seed)
  const gap = (): number => exponential(random, (1_000 * fold) / most)
  for (let at = begin + gap(); at < end; at += gap()) {
    if (random() * most < perSecond(at)) yield { atMillis: at - begin, holdMillis: logNormal(random, holdMillis, HOLD_SIGMA) }
  }
}
