import { totalOf } from '@poolkeeper/core'
import { BEHAVIOURS } from './behaviours/index.ts'
import type { Behaviour, BehaviourId, Trial } from './behaviour.ts'
import type { AdapterHarness, BarePool } from './harness.ts'
import type { Expect, Runner } from './runner.ts'
import { serverIds, until, untilServerHas, within } from './waiting.ts'

/** What a run showed of one behaviour. */
export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'declared'; readonly reason: string }
  | { readonly kind: 'failed' }
  | { readonly kind: 'not run' }

export interface AdapterRun {
  readonly name: string
  /** Whether every behaviour was run, of those that were selected. */
  readonly complete: boolean
  /** What was shown up to now. */
  outcomes(): Readonly<Record<BehaviourId, Outcome>>
}

export interface Selection {
  /** Only these behaviours; default all. */
  readonly only?: readonly BehaviourId[]
}

const IDS = Object.keys(BEHAVIOURS) as BehaviourId[]

/** Defines the tests that an adapter must pass; those that it declared impossible are not run. */
export function describeAdapter(runner: Runner, harness: AdapterHarness, selection: Selection = {}): AdapterRun {
  const run = new Run(harness, selection.only ?? IDS)
  runner.describe(harness.name, () => {
    for (const id of run.selected) {
      if (run.declared(id) === undefined) describeBehaviour(runner, harness, id, run)
    }
  })
  return run
}

function describeBehaviour({ describe, test, expect }: Runner, harness: AdapterHarness, id: BehaviourId, run: Run): void {
  const { promise, proves, tests } = BEHAVIOURS[id]
  const scenarios = proves.length === 0 ? '' : ` (${proves.join(', ')})`
  describe(`${id}: ${promise}${scenarios}`, () => {
    for (const [title, body] of Object.entries(tests)) {
      test(title, async () => {
        run.started(id)
        await tryOut(harness, expect, body)
        run.passed(id)
      })
    }
  })
}

class Run implements AdapterRun {
  readonly name: string
  readonly selected: readonly BehaviourId[]
  readonly #harness: AdapterHarness
  readonly #started = new Map<BehaviourId, number>()
  readonly #passed = new Map<BehaviourId, number>()

  constructor(harness: AdapterHarness, selected: readonly BehaviourId[]) {
    this.name = harness.name
    this.selected = selected
    this.#harness = harness
  }

  get complete(): boolean {
    return this.selected.every((id) => this.#outcome(id).kind !== 'not run')
  }

  started(id: BehaviourId): void {
    this.#started.set(id, (this.#started.get(id) ?? 0) + 1)
  }

  passed(id: BehaviourId): void {
    this.#passed.set(id, (this.#passed.get(id) ?? 0) + 1)
  }

  declared(id: BehaviourId): string | undefined {
    const { cannot = {}, lacks = {} } = this.#harness
    const missing = BEHAVIOURS[id].needs.find((capability) => lacks[capability] !== undefined)
    return cannot[id] ?? (missing === undefined ? undefined : lacks[missing])
  }

  outcomes(): Readonly<Record<BehaviourId, Outcome>> {
    return Object.fromEntries(IDS.map((id) => [id, this.#outcome(id)])) as Record<BehaviourId, Outcome>
  }

  #outcome(id: BehaviourId): Outcome {
    const reason = this.declared(id)
    if (reason !== undefined) return { kind: 'declared', reason }
    const all = Object.keys(BEHAVIOURS[id].tests).length
    if ((this.#started.get(id) ?? 0) < all) return { kind: 'not run' }
    return { kind: this.#passed.get(id) === all ? 'passed' : 'failed' }
  }
}

const SMALL_AND_QUICK = { min: 0, max: 3, acquireTimeoutMillis: 5_000, drainTimeoutMillis: 300 } as const
const CLOSE_WITHIN_MILLIS = 10_000

/** Runs one test, and closes what it opened: also that has to end, and to leave nothing behind. */
async function tryOut(harness: AdapterHarness, expect: Expect, body: Behaviour['tests'][string]): Promise<void> {
  const pools: BarePool[] = []
  const keep = <P extends BarePool>(pool: P): P => {
    pools.push(pool)
    return pool
  }
  const trial: Trial = {
    harness,
    expect,
    open: async (policy = {}) => keep(await harness.open({ ...SMALL_AND_QUICK, ...policy })),
    openBare: async () => keep(await harness.openBare()),
    async untilOpen(pool, count) {
      await until(`the pool has ${count} connections`, () => totalOf(pool.keeper.stats()) === count)
      if (hasServer(harness)) await untilServerHas(pool, count)
    },
    untilAgreed: (pool) =>
      until('pool and server count the same', async () => {
        const seen = await serverIds(pool)
        return totalOf(pool.keeper.stats()) === seen.length
      }),
  }
  try {
    await body(trial)
  } catch (error) {
    await Promise.allSettled(pools.map((pool) => closePool(pool).finally(() => pool.dispose())))
    throw error
  }
  for (const pool of pools) await closePool(pool)
  for (const pool of pools) await leaveNothing(harness, pool)
}

async function closePool(pool: BarePool): Promise<void> {
  pool.network.heal()
  await within(CLOSE_WITHIN_MILLIS, "the host's own close", pool.end())
}

async function leaveNothing(harness: AdapterHarness, pool: BarePool): Promise<void> {
  await until('the client holds no socket', () => pool.network.openConnections === 0)
  // What the network swallowed, the server holds until its side of it ends as well.
  await pool.dispose()
  if (hasServer(harness)) await untilServerHas(pool, 0)
}

function hasServer({ lacks = {} }: AdapterHarness): boolean {
  return lacks.server === undefined
}
