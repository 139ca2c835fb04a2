import { totalOf } from '../../counts.ts'
import type { PoolEvent } from '../../events.ts'
import type { DrainReport } from '../../keeper.ts'
import type { PoolPolicyOptions } from '../../policy/options.ts'
import type { AcquireCounters } from '../../stats.ts'
import type { Sizing, SizingFunction } from '../../sizing/options.ts'
import { historyFrom } from '../../sizing/predictive/from-windows.ts'
import { simulatePool, type SimulatedConnection, type SimulatedPool } from '../../testing/index.ts'
import { LEFT, outcomeOf, type WaitingCaller } from './callers.ts'
import { UserCode } from './user-code.ts'

/** What a run is made of. */
export interface Setup {
  readonly policy: PoolPolicyOptions
  readonly hooks: readonly ('onOpen' | 'onAcquire' | 'onRelease')[]
  /** With a provider: how long what it gives lasts. */
  readonly credentials: { readonly lifeMillis: number | undefined } | undefined
  /** By the load, by a history that expects another one every five minutes, or by a function that never says the same twice. */
  readonly sizing: 'adaptive' | 'predictive' | 'restless' | undefined
  /** What connections draw, one after another. */
  readonly seed: number
}

/**
 * The reference model, beside the pool: what callers, server and operator know of it by themselves,
 * without asking it.
 */
export class World {
  readonly setup: Setup
  readonly code: UserCode = new UserCode(() => this.pool.clock)
  pool: SimulatedPool
  /** With the moment since which it is held. */
  readonly held: Map<SimulatedConnection, number> = new Map()
  /** Taken from holders who do not know it yet. */
  readonly taken: Set<SimulatedConnection> = new Set()
  /** With a statement of a holder under way. */
  readonly busy: Set<SimulatedConnection> = new Set()
  readonly killed: Set<SimulatedConnection> = new Set()
  readonly waiting: Set<WaitingCaller> = new Set()
  readonly answered: AcquireCounters = { ok: 0, timedOut: 0, aborted: 0, refused: 0, failed: 0 }
  readonly heard: Map<PoolEvent['type'], number> = new Map()
  /** Numbers of connections that were told of as opened, and as closed. */
  readonly opened: Set<number> = new Set()
  readonly closed: Set<number> = new Set()
  readonly problems: string[] = []
  isPaused: boolean = false
  /** What the report of a drain said; `undefined` until it is over. */
  report: DrainReport | undefined
  isDraining = false
  /** For how long this process did not run. */
  lostMillis = 0
  /** Sockets that may exist: what was there when `max` was lowered may shrink away. */
  ceiling: number = Infinity
  lastTotal = 0

  constructor(setup: Setup) {
    this.setup = setup
    this.pool = this.#open()
  }

  #open(): SimulatedPool {
    const { policy, hooks, credentials, seed, sizing } = this.setup
    const pool = simulatePool({
      draw: drawsFrom(seed),
      policy: {
        ...policy,
        ...Object.fromEntries(hooks.map((name) => [name, this.code.hook(name)])),
        ...(sizing !== undefined && { sizing: SIZINGS[sizing]() }),
        ...(credentials !== undefined && { credentials: this.code.credentials(credentials.lifeMillis) }),
      },
    })
    if (credentials !== undefined) pool.server.password = this.code.password
    pool.keeper.subscribe((event) => this.#hear(event))
    return pool
  }

  #hear(event: PoolEvent): void {
    this.heard.set(event.type, (this.heard.get(event.type) ?? 0) + 1)
    if (event.type === 'opened') this.opened.add(event.connection)
    if (event.type === 'resized' && event.reason !== 'asked') this.#resized(event.max)
    if (event.type !== 'closed') return
    if (this.closed.has(event.connection)) this.problems.push(`connection ${event.connection} was closed twice`)
    this.closed.add(event.connection)
  }

  /** Within a step: what was there may shrink away. What is asked for by hand, the act itself allows. */
  #resized(max: number): void {
    this.lastTotal = Math.max(this.lastTotal, totalOf(this.pool.keeper.stats()))
    this.ceiling = Math.max(this.ceiling, this.limit(max), this.lastTotal)
  }

  /** A new pool in place of one that was drained. */
  reopen(): void {
    for (const set of [this.held, this.taken, this.busy, this.killed, this.waiting, this.opened, this.closed]) set.clear()
    this.heard.clear()
    Object.assign(this.answered, { ok: 0, timedOut: 0, aborted: 0, refused: 0, failed: 0 } satisfies AcquireCounters)
    this.isPaused = false
    this.isDraining = false
    this.report = undefined
    this.lostMillis = 0
    this.ceiling = Infinity
    this.lastTotal = 0
    this.pool = this.#open()
  }

  get patienceMillis(): number {
    return this.setup.policy.acquireTimeoutMillis ?? 0
  }

  /** Sockets that the policy allows at once. */
  limit(max: number = this.pool.keeper.policy.max): number {
    const { replaceAhead, overflow } = this.pool.keeper.policy
    return max + replaceAhead + overflow
  }

  acquire(): void {
    const { pool } = this
    const controller = new AbortController()
    const caller: WaitingCaller = {
      since: pool.clock.now(),
      lostBefore: this.lostMillis,
      leave: () => controller.abort(LEFT),
    }
    this.waiting.add(caller)
    const answered = (outcome: keyof AcquireCounters): void => {
      if (!this.waiting.delete(caller)) return
      const waited = pool.clock.now() - caller.since
      this.answered[outcome]++
      const allowed = this.patienceMillis + this.lostMillis - caller.lostBefore
      if (waited > allowed) this.problems.push(`a caller was answered after ${waited} ms, of at most ${allowed}`)
    }
    pool.acquire({ signal: controller.signal }).then(
      (connection) => {
        answered('ok')
        if (this.held.has(connection)) this.problems.push(`connection ${connection.id} was lent twice`)
        this.held.set(connection, pool.clock.now())
      },
      (error: unknown) => answered(outcomeOf(error)),
    )
  }

  release(connection: SimulatedConnection): void {
    this.held.delete(connection)
    // A drain may have closed it under its holder.
    if (!this.pool.release(connection) && !this.isDraining) this.problems.push(`connection ${connection.id} was not taken back`)
  }

  /** Nothing is closed under its holder, but what is dead, what has leaked, and what a drain ends. */
  noticeTaken(): void {
    const { clock, keeper, server } = this.pool
    const { leakThresholdMillis, reclaimLeaks } = keeper.policy
    for (const [connection, since] of this.held) {
      if (this.isDraining || server.transactionOf(connection) !== undefined) continue
      const isLeak = reclaimLeaks && clock.now() - since >= (leakThresholdMillis || Infinity) && !this.busy.has(connection)
      if (!isLeak && !this.killed.has(connection)) this.problems.push(`connection ${connection.id} was closed under its holder`)
      this.held.delete(connection)
      this.taken.add(connection)
    }
  }

  /** A server in the best of health, and a user without a fault. */
  heal(): void {
    const { server } = this.pool
    this.code.heal()
    if (server.password !== undefined) server.password = this.code.password
    Object.assign(server, { answerMillis: 1, openMillis: 20, closeMillis: 1, connects: 'accepted', limit: Infinity })
    if (this.isPaused) this.pool.keeper.resume()
    this.isPaused = false
  }
}

const SIZINGS: Readonly<Record<NonNullable<Setup['sizing']>, () => Sizing>> = {
  adaptive: () => ({ adaptive: true }),
  predictive: () => ({ predictive: { history: { load: () => Promise.resolve(CHANGEABLE), save: () => Promise.resolve() }, leadMillis: 0 } }),
  restless,
}

const FIVE_MINUTES = 300_000

/** A day of which every five minutes are busier, or quieter, than those before. */
const CHANGEABLE: string = historyFrom(
  Array.from({ length: 288 }, (_, index) => ({ at: (index + 1) * FIVE_MINUTES, windowMillis: FIVE_MINUTES, load: (index * 3) % 7 })),
)

function restless(): SizingFunction {
  let turn = 0
  return ({ bounds }) => {
    turn += 3
    const most = Math.min(bounds.max, 8)
    const max = Math.max(1, bounds.min, turn % (most + 1))
    return { min: Math.max(bounds.min, turn % (max + 1)), max }
  }
}

/** Mulberry32: small, and the same everywhere. */
function drawsFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
