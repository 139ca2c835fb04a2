import { describe, expect, test } from 'vitest'
import { isPoolkeeperError, type PoolkeeperError } from '../errors.ts'
import { HOST_DEFAULTS, policyOf } from '../testing/fixtures.ts'
import { FIELDS, NOT_BUILT_YET } from './fields.ts'
import type { PoolPolicyOptions } from './options.ts'
import { checkPolicyOptions, resolvePolicy } from './resolve.ts'
import { DEFAULTS, keepsMinimum, mayWakeServer } from './values.ts'

type Field = keyof PoolPolicyOptions

interface Row {
  readonly fine: readonly unknown[]
  /** Values that are refused, with the bound that the error names. */
  readonly bound: string
  readonly bad: readonly unknown[]
  /** What the error shows in place of a value that may be a secret. */
  readonly shown?: (value: unknown) => unknown
}

const NO_NUMBERS = [NaN, Infinity, -Infinity, '5', 5n, null, true, [], {}, () => 5]
const NO_INTEGERS = [...NO_NUMBERS, 1.5, 2 ** 53]

const ENTRY = { cron: '0 8 * * *', timeZone: 'UTC', min: 1, max: 4 }
const STORE = { load: () => Promise.resolve(undefined), save: () => Promise.resolve() }

/** A delay that Node's timers can hold. */
function millis(min: number): Row {
  return { fine: [min, 2_147_483_647], bound: `an integer from ${min} to 2147483647`, bad: [...NO_INTEGERS, min - 1, 2_147_483_648, false] }
}

function integer(min: number, max: number): Row {
  return { fine: [min, max], bound: `an integer from ${min} to ${max}`, bad: [...NO_INTEGERS, min - 1, max + 1, false] }
}

function orFalse({ fine, bound, bad }: Row): Row {
  return { fine: [...fine, false], bound: `${bound}, or false`, bad: bad.filter((value) => value !== false) }
}

function text(longest: number): Row {
  const bad = ['', '  \t', 'x'.repeat(longest + 1), 7, false, null, ['x'], {}]
  return { fine: ['x', 'x'.repeat(longest)], bound: `a text of 1 to ${longest} characters`, bad }
}

function hook(): Row {
  return { fine: [() => undefined, async () => {}], bound: 'a function', bad: [false, true, 'set role', {}, null] }
}

const ROWS = {
  name: text(200),
  min: integer(0, 100_000),
  max: integer(1, 100_000),
  minIdle: orFalse(integer(1, 100_000)),
  maxPending: orFalse({ ...integer(0, 1_000_000), bad: [...NO_INTEGERS, -1, 1_000_001] }),
  maxConcurrentCreates: orFalse(integer(1, 100_000)),
  overflow: integer(0, 100_000),
  overflowAfterMillis: millis(0),
  createRetry: { fine: [true, false], bound: 'true or false', bad: ['true', 1, 0, null, {}] },
  createBackoff: {
    fine: [{}, { firstMillis: 20 }, { longestMillis: 2_147_483_647 }, { firstMillis: undefined }, { firstMillis: 50, longestMillis: 50 }],
    bound: 'an object with firstMillis and longestMillis',
    bad: [false, true, 100, null, [], 'full'],
  },
  circuit: orFalse(integer(1, 1_000)),
  replaceAhead: integer(0, 100),
  acquireTimeoutMillis: millis(1),
  connectTimeoutMillis: millis(1),
  credentials: {
    fine: [() => Promise.resolve({ password: 'x' })],
    bound: 'a function',
    bad: [false, null, 'hunter2', { password: 'hunter2' }],
    shown: (value: unknown) => `a value of type ${typeof value}`,
  },
  idleTimeoutMillis: orFalse(millis(1)),
  maxLifetimeMillis: orFalse(millis(1_000)),
  lifetimeSpread: { fine: [0, 0.1, 0.5], bound: 'a number from 0 to 0.5', bad: [...NO_NUMBERS, -0.01, 0.51, false] },
  maxUses: orFalse({ ...integer(1, Number.MAX_SAFE_INTEGER), bad: [...NO_INTEGERS, 0, -1] }),
  validationQuery: text(10_000),
  validateRole: { fine: ['writable', false], bound: `'writable' or false`, bad: [true, 'readable', null, 1] },
  retireOn: { fine: [() => undefined], bound: 'a function', bad: [false, true, 'server', {}, null] },
  validateAfterIdleMillis: orFalse(millis(0)),
  validationTimeoutMillis: millis(10),
  keepaliveMillis: orFalse(millis(1_000)),
  onReturn: { fine: ['check', 'reset', false], bound: `'check' or 'reset' or false`, bad: [true, 'rollback', null, 1] },
  onOpen: hook(),
  onAcquire: hook(),
  onRelease: hook(),
  drainTimeoutMillis: millis(0),
  mode: { fine: ['enforce', 'observe'], bound: `'enforce' or 'observe'`, bad: [false, true, 'report', null, 1] },
  leakThresholdMillis: orFalse(millis(100)),
  reclaimLeaks: { fine: [true, false], bound: 'true or false', bad: ['true', 1, null, {}] },
  detectNestedAcquire: { fine: ['warn', 'fail', false], bound: `'warn' or 'fail' or false`, bad: [true, 'error', null, 1] },
  sizing: {
    fine: [{ schedule: [ENTRY] }, { adaptive: true }, { adaptive: { waitProbability: 0.05 } }, { predictive: { history: STORE } }, () => ENTRY, false],
    bound: 'a schedule, adaptive, predictive, a function, or false',
    bad: [true, 'adaptive', null, 1, [ENTRY]],
  },
} satisfies Record<Field, Row>

/** What the user did not mean to give: a type error for the compiler, an INVALID_POLICY at run time. */
function asOptions(options: unknown): PoolPolicyOptions {
  return options as PoolPolicyOptions
}

function refusal(act: () => unknown): PoolkeeperError {
  try {
    act()
  } catch (error) {
    if (isPoolkeeperError(error)) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('P-174: bounds', () => {
  test('every field has its row here', () => {
    expect(Object.keys(ROWS).sort()).toEqual(Object.keys(FIELDS).sort())
  })

  for (const [field, { fine, bound, bad, shown = (value: unknown) => value }] of Object.entries<Row>(ROWS)) {
    test.each(fine.map((value) => [value]))(`\`${field}\` may be %s`, (value) => {
      expect(() => checkPolicyOptions(asOptions({ [field]: value }))).not.toThrow()
    })

    test.each(bad.map((value) => [value]))(`\`${field}\` may not be %s, and the error names option, bound and value`, (value) => {
      const error = refusal(() => checkPolicyOptions(asOptions({ [field]: value })))
      expect(error.code).toBe('INVALID_POLICY')
      expect(error.invalid).toEqual({ option: field, bound, value: shown(value) })
      expect(error.message).toContain(`\`${field}\` must be ${bound}, got `)
    })
  }

  test.each([[undefined], [null], ['max'], [7], [[]], [false]])('a policy is an object of options, and not %j', (value) => {
    expect(refusal(() => checkPolicyOptions(asOptions(value))).invalid).toMatchObject({ option: 'policy' })
  })

  test('an undefined value is as good as none', () => {
    const empty = Object.fromEntries(Object.keys(FIELDS).map((field) => [field, undefined]))
    expect(policyOf(asOptions(empty))).toEqual(policyOf({}))
  })

  test('a long value is shortened in the message', () => {
    const error = refusal(() => checkPolicyOptions(asOptions({ max: 'x'.repeat(10_000) })))
    expect(error.message.length).toBeLessThan(250)
  })
})

describe('an option that is an object', () => {
  test.each<[string, unknown, string, unknown]>([
    ['firstMillis', { firstMillis: 19 }, 'an integer from 20 to 2147483647', 19],
    ['longestMillis', { longestMillis: 2_147_483_648 }, 'an integer from 20 to 2147483647', 2_147_483_648],
    ['first', { first: 100 }, 'one of firstMillis and longestMillis', 100],
    ['toString', { toString: 100 }, 'one of firstMillis and longestMillis', 100],
  ])('its part `%s` is refused by its whole name', (part, createBackoff, bound, value) => {
    const error = refusal(() => checkPolicyOptions(asOptions({ createBackoff })))
    expect(error.invalid).toEqual({ option: `createBackoff.${part}`, bound, value })
  })

  test.each<[object, object]>([
    [{}, { firstMillis: 100, longestMillis: 5_000 }],
    [{ firstMillis: 50 }, { firstMillis: 50, longestMillis: 5_000 }],
    [{ longestMillis: 700 }, { firstMillis: 100, longestMillis: 700 }],
    [{ firstMillis: 9_000 }, { firstMillis: 9_000, longestMillis: 9_000 }],
    [{ longestMillis: 50 }, { firstMillis: 50, longestMillis: 50 }],
    [{ firstMillis: undefined, longestMillis: 1_000 }, { firstMillis: 100, longestMillis: 1_000 }],
  ])('what is left out of %j adapts', (createBackoff, expected) => {
    const policy = policyOf(asOptions({ createBackoff }))
    expect(policy.createBackoff).toEqual(expected)
    expect(Object.isFrozen(policy.createBackoff)).toBe(true)
  })
})

describe('unknown keys', () => {
  test.each(['maximum', 'Max', 'toString', 'constructor', 'hasOwnProperty', 'connection'])('`%s` is refused, and what is known is named', (key) => {
    const error = refusal(() => checkPolicyOptions(asOptions({ [key]: 5 })))
    expect(error).toMatchObject({ code: 'INVALID_POLICY', invalid: { option: key } })
    expect(error.message).toContain('maxLifetimeMillis')
  })

  test('P-173: the value of an unknown key is not repeated: it may be a secret', () => {
    const policy = asOptions({ connection: { password: 'hunter2' }, url: 'postgres://u:hunter2@db' })
    const error = refusal(() => checkPolicyOptions(policy))
    expect(error.message).not.toContain('hunter2')
    expect(JSON.stringify(error.invalid)).not.toContain('hunter2')
  })

  test('P-173: what is given in place of a credentials provider is not repeated either', () => {
    const error = refusal(() => checkPolicyOptions(asOptions({ credentials: { password: 'hunter2' } })))
    expect(JSON.stringify([error.message, error.invalid])).not.toContain('hunter2')
  })

  test.each(NOT_BUILT_YET)('`%s` is a word of the policy that is not built yet: refused by name, never ignored', (key) => {
    const [option, part] = key.split('.')
    const error = refusal(() => checkPolicyOptions(asOptions({ [String(option)]: { [String(part)]: true } })))
    expect(error).toMatchObject({ code: 'INVALID_POLICY', invalid: { option: key } })
    expect(error.message).toContain('does not have it yet')
  })

  test('no word is both built and not', () => {
    expect(NOT_BUILT_YET.filter((key) => key in FIELDS)).toEqual([])
  })
})

describe('precedence', () => {
  test('with nothing said, the host’s and our own defaults hold', () => {
    const { host, sources, ...values } = policyOf()
    expect(host).toEqual(HOST_DEFAULTS)
    expect(values).toEqual({ ...DEFAULTS, ...HOST_DEFAULTS })
    expect(new Set(Object.values(sources))).toEqual(new Set(['default']))
    expect(Object.keys(sources).sort()).toEqual(Object.keys(FIELDS).sort())
  })

  test('what the user set on the host beats a default', () => {
    const policy = policyOf({}, { explicit: { max: 7, keepaliveMillis: false } })
    expect(policy).toMatchObject({ max: 7, keepaliveMillis: false, sources: { max: 'host', keepaliveMillis: 'host', min: 'default' } })
  })

  test('the policy beats what the user set on the host', () => {
    const policy = policyOf({ max: 9 }, { explicit: { max: 7, idleTimeoutMillis: 5_000 } })
    expect(policy).toMatchObject({ max: 9, idleTimeoutMillis: 5_000, sources: { max: 'policy', idleTimeoutMillis: 'host' } })
  })

  test('false is a value: it beats a number below it', () => {
    expect(policyOf({ idleTimeoutMillis: false }, { explicit: { idleTimeoutMillis: 5_000 } }).idleTimeoutMillis).toBe(false)
  })

  test('what the host can do only in one way beats everything, and is said to be the host’s', () => {
    const policy = policyOf({ maxLifetimeMillis: 5_000, max: 4 }, { explicit: { max: 3 }, fixed: { max: 1, maxLifetimeMillis: false } })
    expect(policy).toMatchObject({ max: 1, maxLifetimeMillis: false, sources: { max: 'host', maxLifetimeMillis: 'host' } })
  })

  test('undefined on the host says nothing', () => {
    expect(policyOf({}, { explicit: asOptions({ max: undefined }) as object })).toMatchObject({ max: 10, sources: { max: 'default' } })
  })

  test('P-175: what was resolved is frozen, and later changes of the options do not reach it', () => {
    const options = { max: 5 }
    const policy = policyOf(options)
    options.max = 50
    expect(policy.max).toBe(5)
    expect(Object.isFrozen(policy) && Object.isFrozen(policy.sources)).toBe(true)
    expect(() => Object.assign(policy, { max: 6 })).toThrow(TypeError)
  })
})

describe('contradictions', () => {
  test.each<[string, PoolPolicyOptions, object, string, string]>([
    ['min above max', { min: 5, max: 4 }, {}, 'min', 'at most `max` (4)'],
    ['min above the host’s max', { min: 5 }, { max: 4 }, 'min', 'at most `max` (4, from the host\'s options)'],
    ['min above a max that nobody gave', { min: 11 }, {}, 'min', 'at most `max` (10, the default)'],
    ['the host’s min above max', { max: 4 }, { min: 5 }, 'min', 'at most `max` (4)'],
    ['minIdle above max', { minIdle: 5, max: 4 }, {}, 'minIdle', 'at most `max` (4)'],
    [
      'a check that may last longer than its caller waits',
      { validationTimeoutMillis: 600, acquireTimeoutMillis: 500 },
      {},
      'validationTimeoutMillis',
      'at most `acquireTimeoutMillis` (500)',
    ],
    [
      'a first pause above the longest',
      { createBackoff: { firstMillis: 600, longestMillis: 500 } },
      {},
      'createBackoff.firstMillis',
      'at most `createBackoff.longestMillis` (500)',
    ],
    [
      'a life too short for one keepalive',
      { maxLifetimeMillis: 5_000, keepaliveMillis: 6_000 },
      {},
      'maxLifetimeMillis',
      'at least `keepaliveMillis` (6000)',
    ],
  ])('P-005: %s is refused, by name and with whose value it contradicts', (_, options, explicit, option, bound) => {
    const error = refusal(() => policyOf(options, { explicit }))
    expect(error).toMatchObject({ code: 'INVALID_POLICY', invalid: { option, bound } })
    expect(error.message).toContain(`\`${option}\` must be ${bound}, got `)
  })

  test.each<[string, PoolPolicyOptions, object]>([
    ['the default min to a lower max', { max: 1 }, { min: 1, max: 1 }],
    ['the default check to a short deadline', { acquireTimeoutMillis: 300 }, { validationTimeoutMillis: 300 }],
    ['the default keepalive to a short life', { maxLifetimeMillis: 30_000 }, { keepaliveMillis: false }],
    ['nothing where there is no contradiction', { min: 3, max: 3, minIdle: 3 }, { min: 3, max: 3, minIdle: 3 }],
    ['nothing where a limit is off', { maxLifetimeMillis: false, keepaliveMillis: 5_000 }, { keepaliveMillis: 5_000 }],
    ['nothing when both are equal', { maxLifetimeMillis: 5_000, keepaliveMillis: 5_000 }, { keepaliveMillis: 5_000 }],
  ])('our defaults adapt to what the user gave: %s', (_, options, expected) => {
    expect(policyOf(options)).toMatchObject(expected)
  })

  test('an adapted default is still a default', () => {
    expect(policyOf({ max: 1 }).sources).toMatchObject({ min: 'default', max: 'policy' })
  })
})

describe('waking a server that sleeps', () => {
  test.each<[string, PoolPolicyOptions, object, boolean, boolean]>([
    ['no option at all', {}, {}, false, false],
    ['a minimum of the host', {}, { min: 5 }, false, false],
    ['options that keep nothing', { max: 5, maxLifetimeMillis: 60_000 }, {}, false, false],
    ['a minimum that the policy names', { min: 2 }, {}, true, true],
    ['a minimum of 0 that the policy names', { min: 0 }, {}, true, true],
    ['minIdle', { minIdle: 1 }, {}, true, true],
    ['a keepalive that the policy names: what is there is asked, nothing is opened', { keepaliveMillis: 60_000 }, { min: 5 }, true, false],
  ])('%s', (_, options, explicit, talks, keeps) => {
    const policy = policyOf(options, { explicit })
    expect({ talks: mayWakeServer(policy), keeps: keepsMinimum(policy) }).toEqual({ talks, keeps })
  })
})

test('what stands in the way is refused before anything is resolved', () => {
  expect(() => resolvePolicy(asOptions({ max: 0 }), { defaults: HOST_DEFAULTS })).toThrow('`max` must be')
})
