import { totalOf } from '@poolkeeper/core'
import type { Behaviour, Trial } from '../behaviour.ts'
import type { KeptPool, Lease } from '../harness.ts'
import { acquireMany, pass, releaseAll, until, within } from '../waiting.ts'

const MAX = 4
const CALLERS = 10
const DEADLINE_MILLIS = 1_500
/** For a busy machine, on which timers are late. */
const SLACK_MILLIS = 1_000
const TROUBLE_MILLIS = 2_000
const POLICY = {
  max: MAX,
  acquireTimeoutMillis: DEADLINE_MILLIS,
  connectTimeoutMillis: 1_000,
  validateAfterIdleMillis: 20,
  validationTimeoutMillis: 200,
  maxLifetimeMillis: 1_000,
} as const

export const randomFaults: Behaviour = {
  promise: 'whatever befalls network, server and pool, every caller is answered, no connection is lent twice, and all heals',
  proves: ['P-181'],
  needs: ['server', 'network', 'replacement'],
  tests: {
    'in an order that each host has for itself': survive,
  },
}

async function survive({ expect, harness, open }: Trial): Promise<void> {
  const pool = await open(POLICY)
  const draw = generator([...harness.name].reduce((seed, letter) => 31 * seed + letter.charCodeAt(0), 7))
  const mayResize = harness.lacks?.resize === undefined
  const trouble = new Trouble(pool, mayResize)
  const callers = Array.from({ length: CALLERS }, () => trouble.call(draw))
  await trouble.make(draw)
  await Promise.all(callers)
  if (mayResize) await pool.keeper.resize({ max: MAX })
  await atRest(pool)
  // Longer than the window: what is dead, and nobody has noticed, is found out first.
  await pass(100)
  const leases = await within(DEADLINE_MILLIS, 'a connection for each of as many callers as there are places', acquireMany(pool, MAX))
  for (const lease of leases) await lease.query()
  await releaseAll(leases)
  const { acquires, closes, idle, opens, used, validating } = pool.keeper.stats()
  const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((total, count) => total + count, 0)
  expect(trouble.problems).toEqual([])
  expect(sum(acquires)).toBe(trouble.asked + MAX)
  expect(opens.ok - sum(closes)).toBe(used + idle + validating)
  await until('the client holds as many sockets as the pool counts', () => pool.network.openConnections === totalOf(pool.keeper.stats()))
}

async function atRest({ keeper }: KeptPool): Promise<void> {
  const busy = (): number => {
    const { used, validating, opening, closing, pending } = keeper.stats()
    return used + validating + opening + closing + pending
  }
  await until('the pool is at rest', () => busy() === 0).catch((error: unknown) => {
    throw new Error(JSON.stringify([keeper.stats(), keeper.explain()]), { cause: error })
  })
}

class Trouble {
  asked = 0
  readonly problems: string[] = []
  readonly #pool: KeptPool
  readonly #mayResize: boolean
  readonly #held = new Set<number>()
  #isOver = false

  constructor(pool: KeptPool, mayResize: boolean) {
    this.#pool = pool
    this.#mayResize = mayResize
  }

  /** A caller with one request after another, who leaves a query that takes too long alone. */
  async call(draw: () => number): Promise<void> {
    while (!this.#isOver) {
      const lease = await this.#acquire()
      if (lease !== undefined) await this.#use(lease, draw)
      await pass(20 * draw())
    }
  }

  async #acquire(): Promise<Lease | undefined> {
    this.asked++
    const startedAt = performance.now()
    const lease = await this.#pool.acquire().catch(() => undefined)
    const waited = performance.now() - startedAt
    if (waited > DEADLINE_MILLIS + SLACK_MILLIS) this.problems.push(`a caller was answered after ${waited} ms`)
    return lease
  }

  async #use(lease: Lease, draw: () => number): Promise<void> {
    if (this.#held.has(lease.id)) this.problems.push(`connection ${lease.id} was lent twice`)
    this.#held.add(lease.id)
    await Promise.race([lease.query().catch(() => {}), pass(20 + 60 * draw())])
    this.#held.delete(lease.id)
    await within(SLACK_MILLIS, 'a release', lease.release()).catch((error: unknown) => this.problems.push(String(error)))
  }

  /** One thing after another, and in the end all is well again. */
  async make(draw: () => number): Promise<void> {
    const { keeper, network, server } = this.#pool
    const faults: readonly (() => unknown)[] = [
      () => network.cut(),
      () => network.blackhole(),
      () => network.blackhole({ newConnections: true }),
      () => network.delay(100 * draw()),
      () => network.refuse(),
      () => network.heal(),
      () => network.heal(),
      () => server.kill(),
      ...(this.#mayResize ? [() => keeper.resize({ max: 1 + Math.floor(MAX * draw()) })] : []),
      () => keeper.evictIdle(),
      () => void keeper.recycle(),
    ]
    const startedAt = performance.now()
    while (performance.now() - startedAt < TROUBLE_MILLIS) {
      await faults[Math.floor(faults.length * draw())]?.()
      await pass(20 + 100 * draw())
      const { max } = keeper.policy
      const total = totalOf(keeper.stats())
      if (total > MAX + 1) this.problems.push(`${total} connections, with max ${max}`)
    }
    this.#isOver = true
    network.heal()
  }
}

/** Mulberry32: small, and the same everywhere. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
