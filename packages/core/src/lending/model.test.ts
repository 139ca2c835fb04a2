import { expect, test } from 'vitest'
import { totalOf } from '../counts.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import { simulatePool, type SimulatedConnection, type SimulatedPool } from '../testing/index.ts'
import { ofType, record } from '../testing/scenario.ts'
import type { PoolEvent } from '../events.ts'

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

class Dice {
  readonly draw: () => number

  constructor(seed: number) {
    this.draw = generator(seed)
  }

  upTo(highest: number): number {
    return Math.floor(this.draw() * (highest + 1))
  }

  chance(share: number): boolean {
    return this.draw() < share
  }

  /** One of at least one. */
  pick<const T extends readonly unknown[]>(...things: T): T[number] {
    return things[this.upTo(things.length - 1)]
  }

  some<T>(things: readonly T[]): T[] {
    return things.filter(() => this.chance(0.5))
  }
}

function anyPolicy(dice: Dice): PoolPolicyOptions {
  const max = 1 + dice.upTo(7)
  return {
    max,
    replaceAhead: dice.pick(0, 1, 1, 1, 2),
    overflow: dice.pick(0, 0, 0, 2),
    overflowAfterMillis: dice.pick(0, 500),
    maxConcurrentCreates: dice.pick(false, false, false, 1, 3),
    maxPending: dice.pick(false, false, 10),
    createRetry: dice.pick(false, false, true),
    createBackoff: { firstMillis: dice.pick(20, 100, 400), longestMillis: dice.pick(500, 5_000) },
    circuit: dice.pick(false, false, 1, 4),
    acquireTimeoutMillis: dice.pick(2_000, 5_000, 20_000),
    connectTimeoutMillis: dice.pick(3_000, 30_000),
    idleTimeoutMillis: dice.pick(false, 3_000, 30_000),
    maxLifetimeMillis: dice.pick(false, 20_000, 300_000),
    lifetimeSpread: dice.pick(0, 0.1, 0.5),
    maxUses: dice.pick(false, false, 1, 7),
    validateAfterIdleMillis: dice.pick(false, 0, 500, 500, 500, 30_000),
    validationTimeoutMillis: dice.pick(100, 1_000),
    keepaliveMillis: dice.pick(false, 1_000, 10_000),
    onReturn: dice.pick(false, 'check', 'check', 'reset'),
    ...(dice.chance(0.5) && { min: dice.upTo(max) }),
    ...(dice.chance(0.3) && { minIdle: 1 + dice.upTo(max - 1) }),
  }
}

interface Caller {
  readonly since: number
  answeredAt: number | undefined
}

/** A pool under random treatment, with what must be true of it whatever happens. */
class Trial {
  readonly #dice: Dice
  readonly #pool: SimulatedPool
  readonly #policy: PoolPolicyOptions
  readonly #events: PoolEvent[]
  readonly #held = new Set<SimulatedConnection>()
  readonly #killed = new Set<SimulatedConnection>()
  readonly #waiting = new Set<Caller>()
  readonly #diary: string[] = []
  #answered = 0
  #problems: string[] = []
  #isPaused = false
  /** Sockets that may exist: what was there when `max` was lowered may shrink away. */
  #ceiling = Infinity

  constructor(seed: number) {
    this.#dice = new Dice(seed)
    this.#policy = anyPolicy(this.#dice)
    this.#pool = simulatePool({ policy: this.#policy, draw: this.#dice.draw })
    this.#events = record(this.#pool)
    this.#note(JSON.stringify(this.#policy))
  }

  #note(what: string): void {
    this.#diary.push(`${this.#pool.clock.now()} ${what}`)
  }

  get diary(): string {
    return this.#diary.slice(0, 1).concat(this.#diary.slice(1).slice(-40)).join('\n')
  }

  async step(): Promise<void> {
    this.#act()
    await this.#pass(this.#dice.pick(0, 0, 1, 5, 20, 20, 100, 300, 1_000, 4_000))
  }

  async #pass(millis: number): Promise<void> {
    await this.#pool.clock.advance(millis)
    this.#check()
    if (this.#isStranded()) await this.#seeThatSomethingHappens()
  }

  /** Somebody waits, there is room, and nothing is under way. */
  #isStranded(): boolean {
    const stats = this.#pool.keeper.stats()
    const { validating, opening, pending, max } = stats
    return !this.#isPaused && pending > 0 && validating + opening === 0 && totalOf(stats) < max
  }

  /** Callers are held back for a pause only, after connects that failed or new connections that were unfit. */
  async #seeThatSomethingHappens(): Promise<void> {
    const before = this.#events.length
    await this.#pool.clock.advance(this.#policy.circuit === false ? LONGEST_HOLD_MILLIS : LONGEST_PAUSE_MILLIS)
    if (this.#isStranded() && this.#events.length === before) this.#problems.push('somebody waits, there is room, nothing is opened')
    this.#check()
  }

  #act(): void {
    const dice = this.#dice
    const roll = dice.upTo(99)
    if (roll < 40) for (let count = dice.upTo(3); count >= 0; count--) this.#acquire()
    else if (roll < 70) for (const connection of dice.some([...this.#held])) this.#release(connection)
    else if (roll < 76) this.#query()
    else if (roll < 80) this.#kill()
    else if (roll < 83) this.#silence()
    else if (roll < 90) this.#changeServer()
    else if (roll < 93) this.#resize()
    else if (roll < 94) this.#reconfigure()
    else if (roll < 96) this.#recycle()
    else if (roll < 97) void this.#pool.keeper.evictIdle()
    else if (roll < 98) this.#pauseOrResume()
    else this.#heal()
  }

  #acquire(): void {
    this.#note('acquire')
    const caller: Caller = { since: this.#pool.clock.now(), answeredAt: undefined }
    this.#waiting.add(caller)
    const answered = (): void => {
      caller.answeredAt = this.#pool.clock.now()
      this.#answered++
      if (caller.answeredAt - caller.since > this.#patience()) this.#problems.push('a caller was answered too late')
      this.#waiting.delete(caller)
    }
    this.#pool.acquire().then((connection) => {
      answered()
      if (this.#held.has(connection)) this.#problems.push(`connection ${connection.id} was lent twice`)
      this.#held.add(connection)
    }, answered)
  }

  #patience(): number {
    return this.#policy.acquireTimeoutMillis ?? 0
  }

  #release(connection: SimulatedConnection): void {
    this.#note(`release ${connection.id}`)
    this.#held.delete(connection)
    this.#pool.server.setTransaction(connection, this.#dice.pick('idle', 'idle', 'idle', 'open', 'failed'))
    if (!this.#pool.release(connection)) this.#problems.push(`connection ${connection.id} was not taken back`)
  }

  #query(): void {
    const connection = this.#dice.pick(...this.#held)
    if (connection !== undefined) this.#pool.query(connection).catch(() => {})
  }

  #kill(): void {
    for (const connection of this.#victims()) {
      const notice = this.#dice.pick('noticed', 'unnoticed')
      this.#note(`kill ${connection.id}, ${notice}`)
      this.#killed.add(connection)
      this.#pool.server.kill(connection, notice)
    }
  }

  #silence(): void {
    const victims = this.#victims()
    this.#note(`silence ${victims.map(({ id }) => id).join(', ')}`)
    this.#pool.server.silence(victims)
  }

  #victims(): SimulatedConnection[] {
    const { connections } = this.#pool.server
    return this.#dice.chance(0.3) ? [...connections] : this.#dice.some(connections).slice(0, 2)
  }

  #changeServer(): void {
    const { server } = this.#pool
    server.answerMillis = this.#dice.pick(1, 1, 5, 150, 600, 1_500)
    server.openMillis = this.#dice.pick(5, 20, 20, 300, 1_500)
    server.closeMillis = this.#dice.pick(1, 1, 50, 400)
    server.connects = this.#dice.pick('accepted', 'accepted', 'accepted', 'refused', 'unknownUser', 'swallowed')
    server.limit = this.#dice.pick(Infinity, Infinity, 1 + this.#dice.upTo(8))
    const { answerMillis, openMillis, closeMillis, connects, limit } = server
    this.#note(`server ${JSON.stringify({ answerMillis, openMillis, closeMillis, connects, limit: String(limit) })}`)
  }

  #heal(): void {
    this.#note('heal')
    if (this.#isPaused) this.#pauseOrResume()
    Object.assign(this.#pool.server, { answerMillis: 1, openMillis: 20, closeMillis: 1, connects: 'accepted', limit: Infinity })
  }

  #resize(): void {
    const max = 1 + this.#dice.upTo(8)
    const min = this.#dice.upTo(max)
    this.#note(`resize ${min} to ${max}`)
    this.#ceiling = Math.max(this.#ceiling === Infinity ? 0 : this.#ceiling, this.#limit(), this.#limit(max))
    void this.#pool.keeper.resize({ min, max })
  }

  #limit(max: number = this.#pool.keeper.policy.max): number {
    return max + this.#pool.keeper.policy.replaceAhead + this.#pool.keeper.policy.overflow
  }

  /** What does not concern the limits that are checked here. */
  #reconfigure(): void {
    const { validateAfterIdleMillis, maxLifetimeMillis, idleTimeoutMillis, keepaliveMillis, maxUses } = anyPolicy(this.#dice)
    const changes = { validateAfterIdleMillis, maxLifetimeMillis, idleTimeoutMillis, keepaliveMillis, maxUses }
    this.#note(`reconfigure ${JSON.stringify(changes)}`)
    const { min, max } = this.#pool.keeper.policy
    this.#pool.keeper.reconfigure(changes as PoolPolicyOptions)
    if (this.#pool.keeper.policy.min !== min || this.#pool.keeper.policy.max !== max) this.#problems.push('sizes were changed')
  }

  #pauseOrResume(): void {
    this.#isPaused = !this.#isPaused
    this.#note(this.#isPaused ? 'pause' : 'resume')
    if (this.#isPaused) this.#pool.keeper.pause()
    else this.#pool.keeper.resume()
  }

  #recycle(): void {
    this.#note('recycle')
    void this.#pool.keeper.recycle()
  }

  #check(): void {
    const stats = this.#pool.keeper.stats()
    const { used, idle, validating, opening, closing, pending, opens } = stats
    const { server } = this.#pool
    const alive = used + idle + validating
    const total = totalOf(stats)
    const closed = Object.values(stats.closes).reduce((sum, count) => sum + count, 0)
    const note = (isRight: boolean, what: string): void => void (isRight || this.#problems.push(what))

    note(Math.min(used, idle, validating, opening, closing, pending) >= 0, 'a count is negative')
    note(used === this.#held.size, `${used} used, but ${this.#held.size} are held`)
    note(alive + closing === server.sockets, `${alive} + ${closing} closing counted, but ${server.sockets} sockets exist`)
    note(opens.ok - closed === alive, `${opens.ok} opened, ${closed} closed, but ${alive} are there`)
    this.#ceiling = Math.min(this.#ceiling, Math.max(this.#limit(), this.#lastTotal))
    note(total <= this.#ceiling, `${total} connections, of at most ${this.#ceiling}`)
    this.#lastTotal = total
    note(pending === this.#waiting.size, `${pending} pending, but ${this.#waiting.size} wait`)
    const isQuiet = validating + opening + closing === 0
    note(this.#isPaused || !(pending > 0 && idle > 0 && isQuiet), 'somebody waits beside an idle connection')
    const oldest = Math.min(...[...this.#waiting].map(({ since }) => since))
    note(this.#pool.clock.now() - oldest < this.#patience() || oldest === Infinity, 'a deadline passed in silence')
    const { ok, timedOut, failed, refused, aborted } = stats.acquires
    note(ok + timedOut + failed + refused + aborted === this.#answered, 'acquires are counted wrongly')
    for (const connection of this.#held) {
      const isCut = !this.#killed.has(connection) && !server.connections.includes(connection)
      note(!isCut, `connection ${connection.id} was closed under its holder`)
    }
    if (this.#problems.length > 0) throw new Error(`${this.#problems.join('; ')}\n${JSON.stringify(stats)}`)
  }

  #lastTotal = 0

  /** After all that, a healthy server: the pool must recover by itself, and serve everybody at once. */
  async end(): Promise<void> {
    this.#heal()
    for (const connection of [...this.#held]) this.#release(connection)
    await this.#pass(this.#patience())
    for (const connection of [...this.#held]) this.#release(connection)
    await this.#pass(60_000)
    const { keeper } = this.#pool
    const { max } = keeper.policy
    expect(totalOf(keeper.stats())).toBeLessThanOrEqual(this.#limit())
    expect(keeper.stats()).toMatchObject({ used: 0, pending: 0 })
    for (let count = 0; count < max; count++) this.#acquire()
    await this.#pass(this.#patience())
    expect(this.#held.size).toBe(max)
    this.#compareEvents()
  }

  #compareEvents(): void {
    const { keeper } = this.#pool
    const { acquires, opens, validations, closes } = keeper.stats()
    const count = (type: PoolEvent['type']): number => this.#events.filter((event) => event.type === type).length
    const ids = ofType(this.#events, 'closed').map(({ connection }) => connection)
    expect(new Set(ids).size).toBe(ids.length)
    expect(count('acquired')).toBe(acquires.ok)
    // Who is refused at the door leaves no event; who waited already does.
    const failed = count('acquireFailed') - acquires.timedOut - acquires.failed
    expect(failed).toBeGreaterThanOrEqual(0)
    expect(failed).toBeLessThanOrEqual(acquires.refused)
    expect(count('circuitOpened') - count('circuitClosed')).toBe(keeper.stats().circuit === 'closed' ? 0 : 1)
    expect(count('opened')).toBe(opens.ok)
    expect(count('openFailed')).toBe(opens.failed)
    expect(count('validated')).toBe(validations.ok)
    expect(count('validationFailed')).toBe(validations.failed + validations.timedOut)
    expect(count('closed')).toBe(Object.values(closes).reduce((sum, closed) => sum + closed, 0))
  }
}

/** How long the keeper may hold callers back, who wait for what lives if the circuit is open. */
const LONGEST_HOLD_MILLIS = 500
const LONGEST_PAUSE_MILLIS = 5_000

const TRIALS = 60
const STEPS = 400

test.each(Array.from({ length: TRIALS }, (_, index) => index + 1))('P-180, P-037: whatever happens, the pool keeps its books (seed %d)', async (seed) => {
  const trial = new Trial(seed)
  let step = 0
  try {
    for (; step < STEPS; step++) await trial.step()
    await trial.end()
  } catch (error) {
    throw new Error(`seed ${seed}, step ${step}: ${(error as Error).message}\n${trial.diary}`, { cause: error })
  }
})
