import {
  Overrides,
  type PoolPolicy,
  type SharedEvents,
  type SharedPort,
  systemClock,
  type Timer,
  type ValidationAnswer,
  type Waiter,
} from '@poolkeeper/core'
import type { GateEnd, GateEvents } from './gate-events.ts'
import { type Gate, PAD } from './gate.ts'
import { emptyQuery, postgresOf, type PostgresSql, type QueryHandler, type SocketFactory } from './postgres-host.ts'
import { Holds, type HoldEvents } from './holds.ts'
import { Queries } from './queries.ts'
import { type Backend, interceptQueries } from './query-class.ts'
import { knock, type Target } from './raw-socket.ts'
import { Redials } from './redials.ts'

/** What `close()` gives the server to end its connections. */
const LAST_CLOSES_MILLIS = 1_000
const PAD_BYTES = 1_024

/** What the attachment gives a port. */
export interface PortHooks {
  readonly socket: SocketFactory
  onDetach(): void
}

/** What postgres.js tells of its pool through the sockets it asks for, and what can be done there. */
export class PostgresPort implements SharedPort<Gate>, GateEvents, HoldEvents {
  readonly host = 'postgres.js'
  readonly #sql: PostgresSql
  readonly #handler: QueryHandler
  readonly #targetOf: () => Target
  readonly #overrides: Overrides<PostgresSql>
  readonly #settings: Overrides<PostgresSql['options']>
  readonly #gates = new Set<Gate>()
  readonly #attempts = new Map<Gate, number>()
  /** Lost, and postgres.js does not know yet; with what lets queries in again. */
  readonly #doomed = new Map<Gate, () => void>()
  /** They go as soon as they are at rest, and nobody's own. */
  readonly #leaving = new Set<Gate>()
  /** Reserved connections that could not be told apart. */
  #unknown = 0
  /** Connections that have been idle once, of which postgres.js was told. */
  readonly #settled = new WeakSet<Gate>()
  /** Opened, and not used yet. */
  readonly #unused = new Map<Gate, Timer>()
  readonly #redials = new Redials(this.#gates)
  readonly #holds: Holds
  #warming: Promise<unknown> = Promise.resolve()
  readonly #ownEnd: PostgresSql['end']
  #events!: SharedEvents<Gate>
  #queries!: Queries
  #policy!: PoolPolicy
  #whenChanged: () => void = () => {}

  constructor(sql: PostgresSql, targetOf: () => Target) {
    const { handler, prototype } = postgresOf(sql)
    this.#sql = sql
    this.#handler = handler
    this.#targetOf = targetOf
    this.#ownEnd = sql.end
    this.#overrides = new Overrides(sql)
    this.#settings = new Overrides(sql.options)
    this.#holds = new Holds(sql, prototype, this)
    this.#overrides.onUndo(
      interceptQueries(prototype, handler, {
        door: (query) => this.#queries.door(query),
        owns: (backend) => this.gateOf(backend) !== undefined,
      }),
    )
  }

  /** Takes its place: from now on everything is told to the keeper. */
  attach(events: SharedEvents<Gate>, policy: PoolPolicy, { socket, onDetach }: PortHooks): void {
    const { options, reserve } = this.#sql
    this.#events = events
    this.#policy = policy
    this.#queries = new Queries({
      handler: this.#handler,
      reserve,
      events,
      timeoutMillis: policy.acquireTimeoutMillis,
      onReserved: (reserved) => this.#holds.keep(reserved),
    })
    this.#settings.onUndo(onDetach)
    this.#settings.set('socket', socket)
    // A copy: instances that are made beside this one share the object, and may have no socket of ours.
    this.#settings.set('connection', { ...options.connection, [PAD]: 'x'.repeat(PAD_BYTES) })
    this.#overrides.set('begin', this.#holds.begin)
    this.#overrides.set('reserve', () => this.#queries.reserve())
    this.#overrides.set('end', (how) => this.#end(how))
  }

  counts(): { used: number; idle: number; opening: number; closing: number; pending: number } {
    const counts = { used: 0, idle: 0, opening: 0, closing: 0, pending: this.#queries.count }
    for (const gate of this.#gates) {
      if (gate.isEnded) counts.closing++
      else if (!gate.isOpen) counts.opening++
      else counts[(gate.isAtRest && !gate.isReserved) || gate.isProbing ? 'idle' : 'used']++
    }
    return counts
  }

  connections(): readonly Gate[] {
    return [...this.#gates].filter((gate) => gate.isOpen)
  }

  isIdle(gate: Gate): boolean {
    return gate.isAtRest && !gate.isReserved
  }

  waiters(): readonly Waiter[] {
    return this.#queries.waiters()
  }

  postponeDeadlines(millis: number): void {
    this.#queries.postpone(millis)
  }

  configure(policy: PoolPolicy): void {
    this.#policy = policy
    this.#queries.configure(policy.acquireTimeoutMillis)
  }

  probe(gate: Gate): Promise<ValidationAnswer> {
    return gate.probe(this.#policy.validationQuery)
  }

  knock(): { readonly answer: Promise<void>; abandon(): void } {
    return knock(this.#targetOf())
  }

  kill(gate: Gate, error: Error): void {
    gate.kill(error)
  }

  retire(gates: readonly Gate[]): void {
    for (const gate of gates) this.#leaving.add(gate)
    void this.#letGo()
  }

  /** One after the other: what is being opened is not seen at once. */
  open(count: number): Promise<void> {
    const opened = this.#warming.then(() => this.#open(count))
    this.#warming = opened.catch(() => {})
    return opened
  }

  async #open(count: number): Promise<void> {
    const { closing, idle, opening, used } = this.counts()
    const missing = count - (closing + idle + opening + used)
    if (missing <= 0) return
    // postgres.js takes what is idle first, and opens one for each query beyond.
    await Promise.all(Array.from({ length: idle + missing }, () => emptyQuery(this.#sql, this.#handler)))
  }

  wake(): void {
    this.#queries.wake()
  }

  rejectWaiters(error: Error): number {
    return this.#queries.rejectWaiters(error)
  }

  /** As it was, but in bounded time. */
  async #end(how: Parameters<PostgresSql['end']>[0]): Promise<void> {
    const refusal = this.#events.ending()
    this.#queries.handOver()
    // Nobody waits for what is being opened any more, and postgres.js would for ever.
    if (this.#queries.count === 0) await this.#giveUpOpening()
    // Who waits for a connection that others have would do so for ever: postgres.js hands over nothing more.
    else if (this.counts().opening === 0) this.#queries.rejectWaiters(refusal)
    await this.#ownEnd({ timeout: this.#policy.drainTimeoutMillis / 1_000, ...how })
    this.#killLeft()
  }

  async close(): Promise<void> {
    await this.#giveUpOpening()
    await this.#ownEnd({ timeout: 0 })
    if (this.#gates.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LAST_CLOSES_MILLIS)
      this.#whenChanged = () => {
        if (this.#gates.size > 0) return
        clearTimeout(timer)
        resolve()
      }
    })
    this.#killLeft()
  }

  /** What postgres.js has said goodbye to, and was not answered. */
  #killLeft(): void {
    for (const gate of [...this.#gates]) gate.kill(new Error('the pool is closed'))
  }

  detach(): void {
    this.#redials.stop()
    for (const gate of this.#gates) {
      gate.events = undefined
      this.#used(gate)
    }
    this.#gates.clear()
    this.#overrides.undo()
    this.#settings.undo()
    this.#queries.release()
  }

  opening(gate: Gate): void {
    this.#gates.add(gate)
    this.#attempts.set(gate, this.#events.opening())
    this.#redials.opening()
  }

  answered(_: Gate, dialedAt: number): void {
    this.#redials.answered(dialedAt)
  }

  opened(gate: Gate): void {
    this.#events.opened(this.#attemptOf(gate), gate)
    this.#unused.set(gate, systemClock.after(this.#policy.connectTimeoutMillis, () => this.#expectRest(gate)))
  }

  /** What postgres.js asks for itself first belongs to the connect, and has its deadline: nobody else misses the answer. */
  #expectRest(gate: Gate): void {
    this.#unused.delete(gate)
    if (gate.isAtRest || gate.isProbing) return
    gate.kill(new Error('the first question after the startup was not answered within the connect timeout'))
  }

  #used(gate: Gate): void {
    this.#unused.get(gate)?.cancel()
    this.#unused.delete(gate)
  }

  openFailed(gate: Gate, error: unknown): void {
    if (this.#attempts.has(gate)) this.#events.openFailed(this.#attemptOf(gate), error)
  }

  busy(gate: Gate): void {
    this.#used(gate)
    this.#events.busy(gate)
  }

  rested(gate: Gate): void {
    if (gate.isReserved) return this.#events.answered(gate)
    this.#events.rested(gate)
    if (this.#leaving.has(gate)) void this.#letGo()
    if (this.#settled.has(gate) && !this.#queries.areReserving) return
    // By then postgres.js has written what it had for this connection.
    setImmediate(() => setImmediate(() => this.#remind(gate)))
  }

  /** Of a connection that is at rest, though somebody may be waiting for it. */
  #remind(gate: Gate): void {
    if (!this.isIdle(gate)) return
    // Its own question after the startup is answered as well.
    if (!this.#settled.has(gate)) gate.nudge()
    this.#settled.add(gate)
    this.#queries.askAgain()
  }

  failed(gate: Gate, error: unknown, harm: 'statement' | 'connection' | 'server'): void {
    this.#events.failed(gate, error, harm)
  }

  mustProve(gate: Gate): boolean {
    return this.#events.mustProve(gate)
  }

  prove(gate: Gate): Promise<void> {
    return this.#events.prove(gate)
  }

  doomed(gate: Gate): void {
    if (!this.#doomed.has(gate)) this.#doomed.set(gate, this.#queries.block())
  }

  closed(gate: Gate, how: GateEnd, error: unknown): void {
    this.#gates.delete(gate)
    this.#leaving.delete(gate)
    this.#used(gate)
    this.#events.closed(gate, how === 'died' ? 'fatal' : this.#reasonOf(gate), error)
    this.#whenChanged()
  }

  gone(gate: Gate): void {
    this.#doomed.get(gate)?.()
    this.#doomed.delete(gate)
  }

  /** Also one of which postgres.js has not heard the end. */
  gateOf(backend: Backend): Gate | undefined {
    return [...this.#gates, ...this.#doomed.keys()].find((gate) => gate.is(backend))
  }

  reserved(gate: Gate | undefined): void {
    if (gate === undefined) this.#unknown++
    else {
      gate.isReserved = true
      this.busy(gate)
    }
  }

  returned(gate: Gate | undefined): void {
    if (gate === undefined) this.#unknown--
    else {
      gate.isReserved = false
      // It may come back after the keeper has left.
      if (this.#gates.has(gate)) this.#events.rested(gate, false)
    }
    if (this.#leaving.size > 0) void this.#letGo()
  }

  dirty(gate: Gate, status: 'open' | 'failed'): boolean {
    return this.#gates.has(gate) && this.#events.dirty(gate, status)
  }

  async clean(gate: Gate, rollback: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('what was under way when it came back was not answered')), this.#policy.validationTimeoutMillis)
    })
    await Promise.race([rollback, late]).catch((error: unknown) => {
      this.#events.uncleaned(gate)
      gate.kill(error instanceof Error ? error : new Error(String(error)))
    })
    clearTimeout(timer)
  }

  misused(gate: Gate | undefined, release: () => void): void {
    this.#events.misused(gate, release)
  }

  /**
   * postgres.js may have given a command to a connection that it has not written to yet. It does so within a turn
   * of the loop: for that long it is given nothing more, and what is still at rest then is free.
   */
  async #letGo(): Promise<void> {
    const unblock = this.#queries.block()
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
    for (const gate of [...this.#leaving]) if (this.#unknown === 0 && this.isIdle(gate) && !gate.isProbing) gate.leave()
    unblock()
  }

  /** Resolves when postgres.js knows. */
  async #giveUpOpening(): Promise<void> {
    const starting = [...this.#gates].filter((gate) => gate.isStarting)
    const closed = starting.map((gate) => new Promise<void>((resolve) => void gate.once('close', () => resolve())))
    for (const gate of starting) gate.kill(new Error('the pool is being closed'))
    await Promise.all(closed)
  }

  #attemptOf(gate: Gate): number {
    const attempt = this.#attempts.get(gate) ?? 0
    this.#attempts.delete(gate)
    return attempt
  }

  /** postgres.js does not say why it ends a connection; its age and its silence do. */
  #reasonOf(gate: Gate): 'host' | 'idle' | 'maxLifetime' {
    const { idleTimeoutMillis, lifetimeSpread, maxLifetimeMillis } = this.#policy
    const now = performance.now()
    const isOld = maxLifetimeMillis !== false && now - gate.openedAt >= maxLifetimeMillis * (1 - lifetimeSpread)
    if (isOld) return 'maxLifetime'
    return idleTimeoutMillis !== false && now - gate.restedAt >= idleTimeoutMillis - 1 ? 'idle' : 'host'
  }
}
