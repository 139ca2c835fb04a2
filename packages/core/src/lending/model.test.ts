import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PoolPolicyOptions } from '../policy/options.ts'
import { perform, type Act, type ServerChange } from './model/acts.ts'
import { end } from './model/ending.ts'
import { letPass, renewIfDrained } from './model/stepping.ts'
import type { Mood, UserCode } from './model/user-code.ts'
import { World, type Setup } from './model/world.ts'

const { constantFrom: oneOf, integer, nat } = fc

const anyMax = integer({ min: 1, max: 8 })

/** What may also change in a running pool without concerning the limits that are checked. */
const changes = {
  idleTimeoutMillis: oneOf<number | false>(false, 3_000, 30_000),
  maxLifetimeMillis: oneOf<number | false>(false, 20_000, 300_000),
  maxUses: oneOf<number | false>(false, false, 1, 7),
  validateAfterIdleMillis: oneOf<number | false>(false, 0, 500, 500, 500, 30_000),
  keepaliveMillis: oneOf<number | false>(false, 1_000, 10_000),
}

const policies: fc.Arbitrary<PoolPolicyOptions> = fc
  .record({
    ...changes,
    max: anyMax,
    min: fc.option(nat(8), { nil: undefined }),
    minIdle: fc.option(integer({ min: 1, max: 8 }), { nil: undefined, freq: 3 }),
    replaceAhead: oneOf(0, 1, 1, 1, 2),
    overflow: oneOf(0, 0, 0, 2),
    overflowAfterMillis: oneOf(0, 500),
    maxConcurrentCreates: oneOf<number | false>(false, false, false, 1, 3),
    maxPending: oneOf<number | false>(false, false, 10),
    createRetry: oneOf(false, false, true),
    createBackoff: fc.record({ firstMillis: oneOf(20, 100, 400), longestMillis: oneOf(500, 5_000) }),
    circuit: oneOf<number | false>(false, false, 1, 4),
    acquireTimeoutMillis: oneOf(2_000, 5_000, 20_000),
    connectTimeoutMillis: oneOf(3_000, 30_000),
    lifetimeSpread: oneOf(0, 0.1, 0.5),
    validationTimeoutMillis: oneOf(100, 1_000),
    onReturn: oneOf<'check' | 'reset' | false>(false, 'check', 'check', 'reset'),
    leakThresholdMillis: oneOf<number | false>(false, false, 1_000, 5_000),
    reclaims: oneOf(false, true),
  })
  .map(({ reclaims, min, minIdle, max, ...rest }) => ({
    ...rest,
    max,
    reclaimLeaks: reclaims && rest.leakThresholdMillis !== false,
    ...(min !== undefined && { min: Math.min(min, max) }),
    ...(minIdle !== undefined && { minIdle: Math.min(minIdle, max) }),
  }))

const setups: fc.Arbitrary<Setup> = fc.record({
  policy: policies,
  hooks: oneOf<Setup['hooks']>([], [], ['onOpen'], ['onAcquire'], ['onRelease'], ['onOpen', 'onAcquire', 'onRelease']),
  credentials: oneOf<Setup['credentials']>(undefined, undefined, { lifeMillis: undefined }, { lifeMillis: 10_000 }, { lifeMillis: 120_000 }),
  sizing: oneOf<Setup['sizing']>(undefined, undefined, undefined, 'adaptive', 'predictive', 'restless'),
  seed: integer(),
})

const serverChanges: fc.Arbitrary<ServerChange> = fc.record({
  answerMillis: oneOf(1, 1, 5, 150, 600, 1_500),
  openMillis: oneOf(5, 20, 20, 300, 1_500),
  closeMillis: oneOf(1, 1, 50, 400),
  connects: oneOf<'accepted' | 'refused' | 'unknownUser' | 'swallowed'>('accepted', 'accepted', 'accepted', 'refused', 'unknownUser', 'swallowed'),
  limit: fc.oneof(fc.constant(Infinity), fc.constant(Infinity), integer({ min: 1, max: 9 })),
})

const moods: fc.Arbitrary<Mood> = oneOf('fine', 'slow', 'slow', 'throws', 'rejects', 'hangs', 'retires', 'refuses')
const coded: fc.Arbitrary<keyof UserCode['moods']> = oneOf('onOpen', 'onAcquire', 'onRelease', 'credentials')

type ArbitraryAct = { readonly [K in Act['act']]: readonly [weight: number, fields: { [F in keyof Extract<Act, { act: K }> as Exclude<F, 'act'>]: fc.Arbitrary<Extract<Act, { act: K }>[F]> }] }

/** How often each happens, and with what. */
const ACTS: ArbitraryAct = {
  acquire: [36, { count: integer({ min: 1, max: 4 }) }],
  release: [26, { which: nat(), transaction: oneOf('idle', 'idle', 'idle', 'open', 'failed') }],
  'release all': [5, {}],
  'release twice': [2, { which: nat() }],
  'release too late': [2, { which: nat() }],
  abort: [5, { which: nat() }],
  query: [5, { which: nat() }],
  kill: [4, { which: nat(), all: oneOf(false, false, true), notice: oneOf('noticed', 'unnoticed') }],
  silence: [3, { which: nat(), all: oneOf(false, false, true) }],
  suspend: [1, { millis: oneOf(100, 5_000, 600_000) }],
  'set the wall clock back': [1, { millis: oneOf(100, 5_000, 3_600_000) }],
  block: [2, { millis: oneOf(50, 1_000, 10_000) }],
  'change the server': [6, { to: serverChanges }],
  'rotate the password': [1, {}],
  'change the mood': [3, { of: coded, mood: moods }],
  resize: [3, { min: nat(8), max: anyMax }],
  reconfigure: [1, { changes: fc.record(changes) }],
  recycle: [2, {}],
  evict: [1, {}],
  pause: [1, { waiters: oneOf('wait', 'wait', 'fail') }],
  resume: [1, {}],
  drain: [0.2, { timeoutMillis: oneOf(0, 1_000, 5_000), waiters: oneOf('reject', 'finish') }],
  heal: [3, {}],
}

const acts: fc.Arbitrary<Act> = fc.oneof(
  ...Object.entries(ACTS).map(([act, [weight, fields]]) => ({
    weight: weight * 5,
    arbitrary: fc.record({ act: fc.constant(act), ...fields }) as unknown as fc.Arbitrary<Act>,
  })),
)

let steps = 0

/** One thing happens, some time passes, and the books are compared with the model. */
class Step implements fc.AsyncCommand<World, World> {
  readonly #act: Act
  readonly #millis: number

  constructor(act: Act, millis: number) {
    this.#act = act
    this.#millis = millis
  }

  check(): boolean {
    return true
  }

  async run(world: World): Promise<void> {
    steps++
    await perform(world, this.#act)
    await letPass(world, this.#millis)
    await renewIfDrained(world)
  }

  toString(): string {
    return `${fc.stringify(this.#act)} +${this.#millis} ms`
  }
}

const step = fc.tuple(acts, oneOf(0, 0, 1, 5, 20, 20, 100, 300, 1_000, 4_000)).map(([act, millis]) => new Step(act, millis))

const LONGEST_RUN = 400
const RUNS_AT_ONCE = 20

/** How to see the same again: from what the failure says. */
const { MODEL_STEPS = '20000', MODEL_SEED = '1', MODEL_PATH, MODEL_REPLAY } = process.env
const wanted = Number(MODEL_STEPS)
const commands = fc.commands([step], { maxCommands: LONGEST_RUN, size: 'max', ...(MODEL_REPLAY !== undefined && { replayPath: MODEL_REPLAY }) })

const keepsItsBooks = fc.asyncProperty(setups, commands, async (setup, run) => {
  const world = new World(setup)
  await fc.asyncModelRun(() => ({ model: world, real: world }), run)
  await end(world)
})

test('P-037, P-169, P-180: whatever happens, in whatever order, the pool keeps its books', { timeout: Infinity }, async ({ annotate }) => {
  expect(wanted).toBeGreaterThan(0)
  for (let seed = Number(MODEL_SEED); steps < wanted; seed++) {
    const path = MODEL_PATH === undefined ? {} : { path: MODEL_PATH, endOnFailure: true }
    const { failed, ...details } = await fc.check(keepsItsBooks, { seed, numRuns: RUNS_AT_ONCE, ...path })
    if (failed) throw new Error(await failureOf({ failed, ...details } as fc.RunDetailsCommon<[Setup, Iterable<Step>]>))
    if (MODEL_PATH !== undefined) return
  }
  await annotate(`${steps} steps`)
})

/** The smallest run that was found to fail, and how to see it again. */
async function failureOf(details: fc.RunDetailsCommon<[Setup, Iterable<Step>]>): Promise<string> {
  const report = (await fc.asyncDefaultReportMessage(details as fc.RunDetails<[Setup, Iterable<Step>]>)) ?? ''
  const replay = /replayPath="([^"]+)"/.exec(report)?.[1]
  const variables = [`MODEL_SEED=${details.seed}`, `MODEL_PATH=${details.counterexamplePath}`, `MODEL_REPLAY=${replay}`]
  return `${String(details.errorInstance)}\nagain with: ${variables.join(' ')} npm run model\n${report}`
}
