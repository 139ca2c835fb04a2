import type { Timer } from '../clock.ts'
import type { CircuitBreaker } from '../lending/opening/circuit-breaker.ts'
import { FreezeWatch, STOPPED_AFTER_MILLIS } from '../lending/upkeep/freeze.ts'
import { judge } from '../verdict.ts'
import type { SharedChecks } from './checks.ts'
import type { SharedContext } from './context.ts'
import type { SharedLogins } from './logins.ts'

const SHORTEST_PERIOD_MILLIS = 50
const LONGEST_PERIOD_MILLIS = 5_000
const PERIOD_IN_USE_MILLIS = 1_000
/** Of those that are due at one time, so that they do not meet the server as a burst. */
const KEEPALIVES_PER_ROUND = 4

/**
 * Rounds of upkeep: keepalive, minimum, and whether this process was stopped. Nobody waits for them, they
 * stop when the pool is empty, and their timer never keeps a process alive.
 */
export class SharedUpkeep<C extends object> {
  readonly #context: SharedContext<C>
  readonly #checks: SharedChecks<C>
  readonly #logins: SharedLogins<C>
  readonly #breaker: CircuitBreaker
  readonly #freeze: FreezeWatch
  #timer: Timer | undefined
  #dueAt = Infinity
  #stopped = false
  #opening = false

  constructor(context: SharedContext<C>, checks: SharedChecks<C>, logins: SharedLogins<C>, breaker: CircuitBreaker) {
    this.#context = context
    this.#checks = checks
    this.#logins = logins
    this.#breaker = breaker
    this.#freeze = new FreezeWatch(context.clock)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Makes sure that a round comes, and no later than `within` milliseconds from now. */
  wake(within: number = this.#period()): void {
    const { clock } = this.#context
    const dueAt = clock.now() + within
    if (this.#stopped || (this.#timer !== undefined && this.#dueAt <= dueAt)) return
    this.#timer?.cancel()
    this.#dueAt = dueAt
    this.#timer = clock.after(within, () => {
      this.#timer = undefined
      const lateBy = clock.now() - dueAt
      if (lateBy >= STOPPED_AFTER_MILLIS) this.#thaw(lateBy)
      this.#round()
      if (this.#isNeeded()) this.wake()
    })
  }

  /** This process was suspended: both of its clocks may have stood still, and the wall clock tells. */
  look(): void {
    const suspendedMillis = this.#freeze.look(this.#context.clock.now())
    if (suspendedMillis === 0) return
    this.#context.situation.suspendedMillis += suspendedMillis
    this.#doubtAll(suspendedMillis)
  }

  #thaw(stoppedMillis: number): void {
    this.#doubtAll(stoppedMillis)
    this.#context.port.postponeDeadlines(stoppedMillis)
  }

  #doubtAll(frozenMillis: number): void {
    const { reporter, situation } = this.#context
    situation.generation++
    if (reporter.hears('froze')) reporter.emit('froze', { frozenMillis })
  }

  #isNeeded(): boolean {
    const { keepsMinimum, port } = this.#context
    if (!this.#breaker.isClosed && this.#context.mayTalk()) return true
    return keepsMinimum || this.#context.total() + port.counts().pending > 0
  }

  /** Often enough for what is due soonest, and no oftener. */
  #period(): number {
    const { keepaliveMillis } = this.#context.policy
    const forKeepalive = keepaliveMillis === false ? Infinity : keepaliveMillis / 20
    const wish = Math.min(forKeepalive, this.#logins.periodMillis, this.#context.isInUse() ? PERIOD_IN_USE_MILLIS : LONGEST_PERIOD_MILLIS)
    // A pause has its own least length, and those who need its end shall not wait for a round.
    const pauseMillis = this.#breaker.isClosed ? 0 : this.#breaker.pauseLeft
    return Math.min(pauseMillis || Infinity, Math.max(SHORTEST_PERIOD_MILLIS, wish))
  }

  #round(): void {
    this.look()
    this.#logins.expire()
    this.#breaker.attend(this.#context.mayTalk())
    if (!this.#context.mayTalk()) return
    this.#logins.renew(this.#period())
    this.#keepAlive()
    void this.#refill()
  }

  #keepAlive(): void {
    const { clock, port, rules, situation } = this.#context
    situation.now = clock.now()
    const due = port
      .connections()
      .filter((connection) => port.isIdle(connection) && !this.#checks.isRunning(connection))
      .filter((connection) => judge(rules.round, this.#context.factsOf(connection), situation).action === 'validate')
    for (const connection of due.slice(0, KEEPALIVES_PER_ROUND)) void this.#checks.start(connection, 'keepalive')
  }

  async #refill(): Promise<void> {
    const { keepsMinimum, policy, port } = this.#context
    const { closing, pending } = port.counts()
    // The host opens connections for those who wait, and what is asked of it now would stand in line behind them.
    if (pending > 0) return
    if (!keepsMinimum || !this.#breaker.letsIn || this.#opening || this.#context.total() - closing >= policy.min) return
    this.#opening = true
    // What fails is counted where every failed connect is; the next round tries again.
    await port.open(policy.min).catch(() => {})
    this.#opening = false
  }
}
