import { describe, expect, test } from 'vitest'
import type { PoolCounts } from '../../counts.ts'
import type { ConnectionFacts } from '../../facts.ts'
import type { PoolPolicyOptions } from '../../policy/options.ts'
import { rulesOf } from '../../rules/index.ts'
import { at, factsWith, policyOf } from '../../testing/fixtures.ts'
import { planRound, type Entry, type RoundPlan, type RoundView } from './round-plan.ts'

const NOW = 1_000_000

/** Connections are named, the coldest first; whatever is not said of one, it is young and in order. */
type Connections = Readonly<Record<string, Partial<ConnectionFacts>>>

interface Given extends Partial<Omit<RoundView<string>, 'policy' | 'rules' | 'counts' | 'idle' | 'lent'>> {
  readonly policy?: PoolPolicyOptions
  readonly counts?: Partial<PoolCounts>
  readonly idle?: Connections
  readonly lent?: Connections
}

function plan(given: Given): RoundPlan<string> {
  const policy = policyOf({ min: 0, max: 10, ...given.policy })
  const idle = entries(given.idle ?? {})
  const lent = entries(given.lent ?? {})
  return planRound({
    rules: rulesOf(policy),
    situation: at(NOW),
    mayTalk: true,
    mayRefill: true,
    refillTo: policy.min,
    surplus: 'overflow',
    replacementMillis: 0,
    roundMillis: 0,
    replacing: 0,
    replacingNow: 0,
    ...given,
    policy,
    counts: { used: lent.length, idle: idle.length, validating: 0, opening: 0, closing: 0, pending: 0, ...given.counts },
    idle,
    lent,
  })
}

function entries(connections: Connections): Entry<string>[] {
  return Object.entries(connections).map(([connection, facts]) => ({
    connection,
    facts: factsWith({ openedAt: NOW - 10, provenAt: NOW - 10, idleSince: NOW - 10, ...facts }),
  }))
}

function many(count: number, facts: Partial<ConnectionFacts> = {}): Connections {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, facts]))
}

const idleFor = (millis: number): Partial<ConnectionFacts> => ({ idleSince: NOW - millis })
const silentFor = (millis: number): Partial<ConnectionFacts> => ({ provenAt: NOW - millis })
const aged = (millis: number): Partial<ConnectionFacts> => ({ openedAt: NOW - millis })
const OLD = aged(1_800_000)

describe('idle timeout', () => {
  const closed = (given: Given): string[] =>
    plan({ ...given, policy: { idleTimeoutMillis: 30_000, ...given.policy } }).close.map(({ connection }) => connection)

  test('closes what has been idle for long enough, and says why', () => {
    expect(plan({ policy: { idleTimeoutMillis: 30_000 }, idle: { cold: idleFor(30_000), warm: idleFor(29_999) } }).close).toEqual(
      [{ connection: 'cold', reason: 'idle' }],
    )
  })

  test('P-006: never goes below min, and takes the coldest', () => {
    expect(closed({ policy: { min: 2 }, idle: many(5, idleFor(60_000)) })).toEqual(['c0', 'c1', 'c2'])
  })

  test('counts what is used and what is being asked towards min', () => {
    const given = { policy: { min: 3 }, idle: many(2, idleFor(60_000)), lent: { busy: {} } }
    expect(closed(given)).toEqual([])
    expect(closed({ ...given, counts: { used: 1, idle: 2, validating: 1 } })).toEqual(['c0'])
  })

  test('P-007: does nothing to a pool of fixed size', () => {
    expect(closed({ policy: { min: 4, max: 4 }, idle: many(4, idleFor(1e6)) })).toEqual([])
  })

  test('P-009: empties a pool without a minimum', () => {
    expect(closed({ policy: { min: 0 }, idle: many(3, idleFor(60_000)) })).toEqual(['c0', 'c1', 'c2'])
  })

  test('leaves minIdle idle connections, also when min is lower', () => {
    expect(closed({ policy: { min: 0, minIdle: 2 }, idle: many(5, idleFor(60_000)) })).toEqual(['c0', 'c1', 'c2'])
  })

  test('goes on while nobody uses the pool: closing wakes no server', () => {
    expect(closed({ mayTalk: false, idle: many(2, idleFor(60_000)) })).toEqual(['c0', 'c1'])
  })
})

describe('replacing', () => {
  test('P-074: goes one by one, however many are due, and the coldest first', () => {
    expect(plan({ idle: many(10, OLD) }).replace).toMatchObject([{ connection: 'c0', reason: 'maxLifetime', lent: false }])
  })

  test.each([
    ['three of a pool of four: a quarter', { replaceAhead: 3, size: 4 }, 1],
    ['three of a pool of eleven: a quarter', { replaceAhead: 3, size: 11 }, 2],
    ['three of a pool of twelve', { replaceAhead: 3, size: 12 }, 3],
    ['three of a pool of forty: not more than are allowed above max', { replaceAhead: 3, size: 40 }, 3],
    ['one of a pool of one', { replaceAhead: 3, size: 1 }, 1],
    ['one at a time when none may be above max', { replaceAhead: 0, size: 40 }, 1],
  ])('takes %s', (_, { replaceAhead, size }, expected) => {
    expect(plan({ policy: { max: 50, replaceAhead }, idle: many(size, OLD) }).replace).toHaveLength(expected)
  })

  test('waits for the replacements that are under way', () => {
    const underWay = { replacing: 1, replacingNow: 1 }
    expect(plan({ idle: many(10, OLD), ...underWay }).replace).toEqual([])
    expect(plan({ policy: { replaceAhead: 2 }, idle: many(10, OLD), ...underWay }).replace).toHaveLength(1)
    expect(plan({ policy: { replaceAhead: 0 }, idle: many(10, OLD), ...underWay }).replace).toEqual([])
  })

  test('does not wait for one whose holder keeps the old connection for long', () => {
    expect(plan({ idle: many(10, OLD), replacing: 1, replacingNow: 0 }).replace).toHaveLength(1)
  })

  test('takes the oldest first', () => {
    const idle = { younger: { ...OLD, openedAt: NOW - 1_800_001 }, oldest: { ...OLD, openedAt: NOW - 1_800_002 } }
    expect(plan({ idle }).replace).toMatchObject([{ connection: 'oldest' }])
  })

  describe('P-073: that would come too late for its turn begins early, with the oldest', () => {
    const policy = { maxLifetimeMillis: 100_000, lifetimeSpread: 0, keepaliveMillis: false, idleTimeoutMillis: false } as const
    const replaced = (age: number, size: number, roundMillis: number): readonly string[] =>
      plan({ policy, idle: many(size, aged(age)), roundMillis, replacementMillis: 50 }).replace.map(({ connection }) => connection)

    test.each([
      ['one connection, which the next round would find too old', 97_450, 1, 2_500, ['c0']],
      ['one connection, which the next round finds in time', 97_449, 1, 2_500, []],
      ['ten of one age, of which the tenth would be late', 97_000, 10, 2_500, ['c0']],
      ['ten of one age, for whom there is time', 96_999, 10, 2_500, []],
    ] as const)('%s', (_, age, size, roundMillis, expected) => {
      expect(replaced(age, size, roundMillis)).toEqual(expected)
    })

    test('and is not asked as well', () => {
      const silent = { ...aged(99_999), ...silentFor(60_000) }
      const kept = { ...policy, keepaliveMillis: 60_000, min: 1 }
      expect(plan({ policy: kept, idle: { silent }, roundMillis: 2_500 })).toMatchObject({ replace: [{ connection: 'silent' }], validate: [] })
    })
  })

  test('opens one ahead also for a connection that is lent for a moment', () => {
    const { replace } = plan({ lent: { busy: { ...OLD, lentAt: NOW - 999 } } })
    expect(replace).toMatchObject([{ connection: 'busy', reason: 'maxLifetime', lent: true }])
  })

  test('P-071: opens nothing for a connection that may be held for ever', () => {
    expect(plan({ lent: { held: { ...OLD, lentAt: NOW - 1_000 } } }).replace).toEqual([])
  })

  test('leaves alone what is lent and was condemned before', () => {
    expect(plan({ lent: { busy: { ...OLD, lentAt: NOW - 1, condemnedFor: 'fatal' } } }).replace).toEqual([])
  })

  test('P-132: replaces what recycle() asked for', () => {
    const { replace } = plan({ idle: { old: aged(500), young: {} }, situation: at(NOW, { recycleBefore: NOW - 100 }) })
    expect(replace).toMatchObject([{ connection: 'old', reason: 'recycle' }])
  })

  test('a pool that nobody uses closes what is due, all of it, and opens nothing', () => {
    const quiet = plan({ mayTalk: false, policy: { min: 2 }, refillTo: 2, idle: many(3, OLD), lent: { busy: { ...OLD, lentAt: NOW - 1 } } })
    expect(quiet.close.map(({ connection, reason }) => `${connection}: ${reason}`)).toEqual(
      ['c0: maxLifetime', 'c1: maxLifetime', 'c2: maxLifetime'],
    )
    expect(quiet).toMatchObject({ replace: [], open: 0 })
  })
})

describe('keepalive', () => {
  const asked = (given: Given): readonly string[] =>
    plan({ ...given, policy: { keepaliveMillis: 60_000, ...given.policy } }).validate
  const SILENT = silentFor(60_000)

  test('asks only what min keeps: the warmest, which the idle timeout leaves alone', () => {
    expect(asked({ policy: { min: 2 }, idle: many(5, SILENT) })).toEqual(['c3', 'c4'])
  })

  test('asks what minIdle keeps', () => {
    expect(asked({ policy: { minIdle: 3 }, idle: many(5, SILENT) })).toEqual(['c2', 'c3', 'c4'])
  })

  test('asks nothing that the idle timeout is about to close', () => {
    expect(asked({ policy: { min: 0 }, idle: many(5, SILENT) })).toEqual([])
    expect(asked({ policy: { min: 2 }, idle: many(3, SILENT), lent: { a: {}, b: {} } })).toEqual([])
  })

  test('P-061: asks all where nothing is closed for being idle, but four at one time', () => {
    expect(asked({ policy: { idleTimeoutMillis: false }, idle: many(9, SILENT) })).toEqual(['c0', 'c1', 'c2', 'c3'])
  })

  test('counts the checks that are under way', () => {
    const given = { policy: { idleTimeoutMillis: false } as const, idle: many(9, SILENT) }
    expect(asked({ ...given, counts: { validating: 3 } })).toHaveLength(1)
    expect(asked({ ...given, counts: { validating: 4 } })).toEqual([])
    expect(asked({ ...given, counts: { validating: 9 } })).toEqual([])
  })

  test('is early by each connection’s own draw, up to a tenth', () => {
    const idle = { late: { ...silentFor(54_001), draw: 0 }, early: { ...silentFor(54_001), draw: 0.999_99 } }
    expect(asked({ policy: { min: 2 }, idle })).toEqual(['early'])
  })

  test('asks nothing while nobody uses the pool', () => {
    expect(asked({ policy: { min: 2 }, idle: many(2, SILENT), mayTalk: false })).toEqual([])
  })

  test('asks what min keeps, though it has been idle for longer than the timeout', () => {
    const idle = many(3, { ...SILENT, ...idleFor(60_000) })
    const policy = { min: 2, idleTimeoutMillis: 30_000, keepaliveMillis: 60_000 }
    expect(plan({ policy, idle })).toMatchObject({ close: [{ connection: 'c0' }], validate: ['c1', 'c2'] })
  })

  test('does not ask what is to be replaced', () => {
    expect(asked({ policy: { min: 1 }, idle: { old: { ...OLD, ...SILENT } } })).toEqual([])
  })
})

describe('refilling', () => {
  const opened = (given: Given): number => plan(given).open

  test.each<[string, Given, number]>([
    ['an empty pool up to min', { policy: { min: 3 } }, 3],
    ['what is missing', { policy: { min: 3 }, idle: many(1), lent: { busy: {} } }, 1],
    ['nothing beyond min', { policy: { min: 3 }, idle: many(4) }, 0],
    ['nothing for what is on its way', { policy: { min: 3 }, counts: { opening: 2 } }, 1],
    ['nothing for what is being asked', { policy: { min: 3 }, counts: { validating: 2 } }, 1],
    ['as much as demand has opened, when min is the host’s', { policy: { min: 5 }, refillTo: 2 }, 2],
    ['minIdle ahead of demand', { policy: { minIdle: 3 }, lent: many(4) }, 3],
    ['minIdle less what is idle or on its way', { policy: { minIdle: 3 }, idle: many(1), counts: { opening: 1 } }, 1],
    ['minIdle no further than max', { policy: { max: 5, minIdle: 3 }, lent: many(4) }, 1],
    ['no more than there is room for beside what is being closed', { policy: { min: 5, max: 5 }, counts: { closing: 3 } }, 2],
    ['nothing while all the room is taken by closing', { policy: { min: 2, max: 2 }, counts: { closing: 2 } }, 0],
    ['nothing during a pause after failures', { policy: { min: 3 }, mayRefill: false }, 0],
    ['nothing while nobody uses the pool', { policy: { min: 3 }, mayTalk: false }, 0],
  ])('opens %s', (_, given, expected) => {
    expect(opened(given)).toBe(expected)
  })

  test('what is closed for being idle is not opened again in the same round', () => {
    const { close, open } = plan({ policy: { min: 2, idleTimeoutMillis: 30_000 }, idle: many(4, idleFor(60_000)) })
    expect(close).toHaveLength(2)
    expect(open).toBe(0)
  })

  test('with replaceAhead 0 it leaves the free place to a replacement, and does not open into it as well', () => {
    const { replace, open } = plan({ policy: { min: 3, max: 3, replaceAhead: 0 }, idle: { old: OLD, young: {} } })
    expect(replace.length + open).toBeLessThanOrEqual(1)
  })
})

describe('surplus', () => {
  test('P-010: closes what stands above max, the coldest first, for the reason why it is above', () => {
    expect(plan({ policy: { max: 3 }, surplus: 'shrink', idle: many(4), lent: { busy: {} } }).close).toEqual([
      { connection: 'c0', reason: 'shrink' },
      { connection: 'c1', reason: 'shrink' },
    ])
  })

  test('does not count what is there to replace another', () => {
    expect(plan({ policy: { max: 3 }, idle: many(4), replacing: 1 }).close).toEqual([])
  })

  test('takes only what is idle: the rest goes when it comes back', () => {
    expect(plan({ policy: { max: 1 }, idle: many(1), lent: { a: {}, b: {} } }).close).toHaveLength(1)
  })

  test('what a round closes it neither checks nor replaces', () => {
    const idle = { old: OLD, silent: silentFor(60_000), young: {} }
    const policy = { min: 1, max: 1, idleTimeoutMillis: false, keepaliveMillis: 60_000 } as const
    const { close, replace, validate } = plan({ policy, idle })
    expect(close.map(({ connection }) => connection)).toEqual(['old', 'silent'])
    expect({ replace, validate }).toEqual({ replace: [], validate: [] })
  })
})

test('planning changes nothing: the same view gives the same plan', () => {
  const policy = policyOf({ min: 2, idleTimeoutMillis: 1_000 })
  const idle = entries(many(5, { ...idleFor(5_000), ...silentFor(60_000) }))
  const view: RoundView<string> = {
    rules: rulesOf(policy),
    situation: at(NOW),
    policy,
    counts: { used: 0, idle: 5, validating: 0, opening: 0, closing: 0, pending: 0 },
    idle,
    lent: [],
    mayTalk: true,
    mayRefill: true,
    refillTo: 2,
    surplus: 'overflow',
    replacementMillis: 0,
    roundMillis: 0,
    replacing: 0,
    replacingNow: 0,
  }
  const before = structuredClone(idle)
  expect(planRound(view)).toEqual(planRound(view))
  expect(idle).toEqual(before)
})
