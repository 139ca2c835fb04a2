import type { PoolSize } from './options.ts'
import type { SizingObservation } from './observation.ts'

/**
 * Whether more connections still get more done. Where the server is the bottleneck they do not: each is only held
 * for longer.
 *
 * Long holds alone prove nothing, since the work may have become heavier. So it is tried out: with callers waiting,
 * fewer connections for a few seconds. A pool whose server has room gets that much less done, and has its
 * connections back; a saturated one gets as much done as before, and keeps to fewer. Later, more are tried in the
 * same way.
 */
export interface Saturation {
  readonly phase: 'open' | 'fewer' | 'held' | 'more'
  /** Connections at most. */
  readonly limit: number
  /** How long a connection is held while nobody has to wait for one; `0`: not known yet. */
  readonly easyHoldMillis: number
  /** What was got done before the limit changed. */
  readonly reference: { readonly limit: number; readonly perSecond: number; readonly bound: boolean } | undefined
  /** No other limit is tried before then. */
  readonly notBefore: number
  /** The next spell is that of the change itself, and says nothing. */
  readonly settling: boolean
  readonly spell: Spell
}

/** A few seconds, long enough to judge by. */
interface Spell {
  readonly millis: number
  readonly served: number
  readonly heldMillis: number
  /** Milliseconds in which callers waited though the pool was as large as it may be. */
  readonly boundMillis: number
}

const NO_SPELL: Spell = { millis: 0, served: 0, heldMillis: 0, boundMillis: 0 }

/** By fewer, chance decides: the rate of a hundred scatters by a tenth. */
const ENOUGH_SERVED = 100
const SHORTEST_SPELL_MILLIS = 5_000
const LONGEST_SPELL_MILLIS = 30_000

/** Held for so much longer than with no queue, it is worth a try. */
const LONG_HOLD_RATIO = 1.5
const FEWER_RATIO = 0.8
const MORE_RATIO = 1.25
/** Half of what a fifth fewer, or a quarter more, would change where the server has room. */
const WORTH_RATIO = 0.1
/** The work has become heavier: that is not asked again and again. */
const NOT_AGAIN_COOLDOWNS = 5

export function unsaturated(limit: number): Saturation {
  return {
    phase: 'open',
    limit,
    easyHoldMillis: 0,
    reference: undefined,
    notBefore: -Infinity,
    settling: false,
    spell: NO_SPELL,
  }
}

/** After one more observation. */
export function judgeSaturation(before: Saturation, observation: SizingObservation, cooldownMillis: number): Saturation {
  const { bounds } = observation
  const state = within(before, bounds)
  const spell = longer(state.spell, observation)
  if (!isEnough(spell)) return { ...state, spell }
  if (state.settling) return { ...state, settling: false, spell: NO_SPELL }
  return { ...judgeSpell({ ...state, spell }, bounds, observation.at, cooldownMillis), spell: NO_SPELL }
}

/** The bounds may have changed. */
function within(state: Saturation, { min, max }: PoolSize): Saturation {
  const limit = state.phase === 'open' ? max : Math.min(max, Math.max(min, 1, state.limit))
  return limit === state.limit ? state : { ...state, limit }
}

function longer(spell: Spell, { counts, inUse, servedPerSecond, size, windowMillis }: SizingObservation): Spell {
  const isBound = counts.pending > 0 && counts.used + counts.validating >= size.max
  return {
    millis: spell.millis + windowMillis,
    served: spell.served + (servedPerSecond * windowMillis) / 1_000,
    heldMillis: spell.heldMillis + inUse * windowMillis,
    boundMillis: spell.boundMillis + (isBound ? windowMillis : 0),
  }
}

function isEnough({ millis, served }: Spell): boolean {
  return millis >= LONGEST_SPELL_MILLIS || (millis >= SHORTEST_SPELL_MILLIS && served >= ENOUGH_SERVED)
}

function judgeSpell(state: Saturation, bounds: PoolSize, now: number, cooldownMillis: number): Saturation {
  const { phase, spell } = state
  if (spell.served < ENOUGH_SERVED) return phase === 'open' ? state : more(state, bounds, false, 0)
  const bound = spell.boundMillis * 2 >= spell.millis
  const perSecond = (spell.served * 1_000) / spell.millis
  const holdMillis = spell.heldMillis / spell.served
  switch (phase) {
    case 'open':
      if (!bound) return { ...state, easyHoldMillis: follow(state.easyHoldMillis, holdMillis) }
      return isLong(state, holdMillis) && now >= state.notBefore ? fewer(state, bounds, perSecond) : state
    case 'fewer':
      return judgeFewer(state, bounds, { bound, perSecond, holdMillis, now, cooldownMillis })
    case 'held':
      return now >= state.notBefore ? more(state, bounds, bound, perSecond) : state
    case 'more':
      return judgeMore(state, bounds, { bound, perSecond, now, cooldownMillis })
  }
}

/** Slowly upwards, so that a server that slows down under load does not pass for its own usual self. */
function follow(usual: number, holdMillis: number): number {
  if (usual === 0) return holdMillis
  return usual + (holdMillis - usual) * (holdMillis < usual ? 0.3 : 0.05)
}

function isLong({ easyHoldMillis }: Saturation, holdMillis: number): boolean {
  return easyHoldMillis > 0 && holdMillis > LONG_HOLD_RATIO * easyHoldMillis
}

function fewer(state: Saturation, { min }: PoolSize, perSecond: number): Saturation {
  const limit = Math.max(1, min, Math.floor(state.limit * FEWER_RATIO))
  if (limit >= state.limit) return state
  const reference = { limit: state.limit, perSecond, bound: true }
  return { ...state, phase: 'fewer', limit, reference, settling: true }
}

interface Seen {
  readonly bound: boolean
  readonly perSecond: number
  readonly now: number
  readonly cooldownMillis: number
}

function judgeFewer(state: Saturation, bounds: PoolSize, seen: Seen & { readonly holdMillis: number }): Saturation {
  const { bound, cooldownMillis, holdMillis, now, perSecond } = seen
  const reference = state.reference ?? { limit: bounds.max, perSecond: 0, bound: true }
  const isLess = bound && perSecond < reference.perSecond * (1 - WORTH_RATIO)
  if (isLess) {
    const isOpen = reference.limit >= bounds.max
    return {
      ...state,
      phase: isOpen ? 'open' : 'held',
      limit: Math.min(bounds.max, reference.limit),
      easyHoldMillis: isOpen ? holdMillis : state.easyHoldMillis,
      notBefore: now + cooldownMillis * (isOpen ? NOT_AGAIN_COOLDOWNS : 1),
    }
  }
  if (bound && isLong(state, holdMillis)) return fewer(state, bounds, Math.max(perSecond, reference.perSecond))
  return { ...state, phase: 'held', notBefore: now + cooldownMillis }
}

/** With nobody waiting there is nothing to be tried out: the limit goes up step by step. */
function more(state: Saturation, { max }: PoolSize, bound: boolean, perSecond: number): Saturation {
  const reference = { limit: state.limit, perSecond, bound }
  const limit = Math.min(max, Math.ceil(state.limit * MORE_RATIO))
  if (limit >= max && !bound) return { ...state, phase: 'open', limit: max, reference: undefined }
  return { ...state, phase: 'more', limit, reference, settling: true }
}

function judgeMore(state: Saturation, bounds: PoolSize, { bound, cooldownMillis, now, perSecond }: Seen): Saturation {
  const { limit, reference } = state
  const isMore = reference === undefined || !reference.bound || perSecond >= reference.perSecond * (1 + WORTH_RATIO)
  if (bound && !isMore) return { ...state, phase: 'held', limit: reference.limit, notBefore: now + cooldownMillis }
  return limit >= bounds.max ? { ...state, phase: 'open', limit: bounds.max, reference: undefined } : more(state, bounds, bound, perSecond)
}
