import type { Clock } from '../clock.ts'
import type { CloseReason } from '../close-reason.ts'
import { totalOf, type PoolCounts } from '../counts.ts'
import type { ConnectionFacts, Mutable } from '../facts.ts'
import type { PoolCredentials } from '../credentials/pool-credentials.ts'
import { Credentials } from '../credentials/credentials.ts'
import { Reauthentication } from '../credentials/reauthentication.ts'
import { Ledger } from '../ledger.ts'
import { inForce, rulesInForce } from '../policy/observe.ts'
import type { PoolPolicy } from '../policy/values.ts'
import type { LendingPort } from '../port.ts'
import { Reporter } from '../reporter.ts'
import type { RulesByMoment } from '../rules/index.ts'
import type { Situation } from '../rules/rule.ts'
import { Counters } from '../stats.ts'
import { Observer } from './observer.ts'
import { Tracking } from './holding/tracking.ts'

export type Facts = Mutable<ConnectionFacts>

/** What every part of a keeper shares: one pool, its facts and its figures. */
export class LendingContext<C extends object> {
  /** What was asked for. */
  declared: PoolPolicy
  /** What is in force: the same, unless it only observes. */
  policy: PoolPolicy
  /** Looks on while the policy only observes. */
  observer: Observer<C> | undefined
  port: LendingPort<C>
  readonly clock: Clock
  readonly draw: () => number
  rules: RulesByMoment
  readonly ledger: Ledger<C>
  readonly counters: Counters = new Counters()
  readonly reporter: Reporter
  readonly tracking: Tracking<C>
  readonly credentials: Credentials
  /** Where connections can be logged in anew as they are. */
  readonly reauthentication: Reauthentication<C> | undefined
  /** One object for all verdicts, brought up to date before each: judging allocates nothing. */
  readonly situation: Mutable<Situation>
  /** Connections being asked for a sign of life while the host counts them as idle or as used. */
  validatingIdle = 0
  validatingLent = 0
  /** Hooks that were called, and have not returned. */
  hooking = 0
  /** Old connections whose replacement is on its way or there; they are above `max` by right. */
  replacing = 0
  /** Why there may be more connections than `max` allows; looked at when one comes back. */
  surplus: CloseReason | undefined
  /** The most connections that were alive at once. A `min` that nobody asked us for goes no further. */
  mostAlive = 0
  lastAcquireAt: number = -Infinity
  lastOpenError: unknown
  /** For how long this process was blocked when that attempt ran into its deadline. */
  lastOpenBlockedMillis = 0
  /** `'finishing'`: callers that wait are still served; `'closing'`: nothing is lent any more. */
  draining: false | 'finishing' | 'closing' = false
  /** What becomes of callers while the pool is paused. */
  paused: false | 'wait' | 'fail' = false
  lastTimeoutAt: number = -Infinity
  /** Whether the server is worth an attempt to connect. */
  mayConnect: () => boolean = () => true
  /** How late the timers of this process are at this moment. */
  lagMillis: () => number = () => 0
  /** Who waits for something to have changed; told whenever a connection was opened, came back or is gone. */
  readonly watchers: Set<() => void> = new Set()

  constructor(port: LendingPort<C>, policy: PoolPolicy, clock: Clock, draw: () => number) {
    this.port = port
    this.declared = policy
    this.policy = inForce(policy)
    this.clock = clock
    this.draw = draw
    this.rules = rulesInForce(policy)
    this.observer = this.#observerOf(policy)
    this.ledger = new Ledger(draw)
    this.tracking = new Tracking(policy)
    this.reporter = new Reporter(policy.name, clock)
    this.situation = {
      now: clock.now(),
      generation: 0,
      recycleBefore: -Infinity,
      suspendedMillis: 0,
      credential: undefined,
      refusedIssue: 0,
      reauthenticates: port.reauthenticate !== undefined,
    }
    this.credentials = new Credentials(this)
    this.reauthentication = port.reauthenticate === undefined ? undefined : this.#reauthentication()
  }

  #reauthentication(): Reauthentication<C> {
    return new Reauthentication<C>({
      clock: this.clock,
      credentials: this.credentials,
      send: async (connection, credentials) => this.port.reauthenticate?.(connection, credentials),
      refusalOf: (error) => this.port.refusalOf(error),
      authenticated: (connection, credentials) => this.authenticated(connection, credentials),
    })
  }

  /** The server took them on this connection: while it is opened, or later. */
  authenticated(connection: C, credentials: PoolCredentials): void {
    const credential = this.credentials.accepted(credentials)
    if (credential === undefined) return
    this.ledger.authenticated(connection, credential)
    const facts = this.ledger.get(connection)
    if (facts !== undefined) facts.credential = credential
  }

  /** Judges by another policy from now on. */
  use(policy: PoolPolicy): void {
    this.declared = policy
    this.policy = inForce(policy)
    this.rules = rulesInForce(policy)
    this.observer = this.#observerOf(policy)
    this.tracking.configure(this.policy)
  }

  #observerOf(policy: PoolPolicy): Observer<C> | undefined {
    return policy.mode === 'observe' ? new Observer(this, policy) : undefined
  }

  /** Hardly ever does anybody wait for it, and every return asks. */
  changed(): void {
    if (this.watchers.size > 0) for (const look of [...this.watchers]) look()
  }

  get generation(): number {
    return this.situation.generation
  }

  /** The facts of a connection; one that was there before us counts as opened and unproven. */
  factsOf(connection: C): Facts {
    return this.ledger.get(connection) ?? this.#adopt(connection)
  }

  #adopt(connection: C): Facts {
    const facts = this.ledger.open(connection, this.clock.now(), this.generation)
    facts.provenAt = -Infinity
    return facts
  }

  /** The host's counts, with the connections being validated in a state of their own. */
  counts(): PoolCounts {
    const { withdrawn, ...host } = this.port.counts()
    return {
      ...host,
      used: Math.max(0, host.used - this.validatingLent),
      idle: Math.max(0, host.idle - this.validatingIdle),
      validating: this.validatingLent + this.validatingIdle + withdrawn,
    }
  }

  /** Sockets that exist or are about to. */
  total(): number {
    return totalOf(this.counts())
  }

  /** Decides that a connection has to go. The first reason stands. */
  condemn(facts: Facts, reason: CloseReason): void {
    if (facts.condemnedFor !== undefined) return
    facts.condemnedFor = reason
    if (this.reporter.hears('retired')) this.reporter.emit('retired', { connection: facts.id, reason })
  }

  /** The policy wants a connection gone; `false` where it only observes. */
  retire(facts: Facts, reason: CloseReason): boolean {
    if (this.observer === undefined) this.condemn(facts, reason)
    else this.observer.retired(facts, reason)
    return this.observer === undefined
  }

  /** Gives a withdrawn connection back to the pool, unless the pool is being closed. */
  restore(connection: C): void {
    if (this.draining === 'closing') void this.discard(connection, 'drain', false)
    else this.port.restore(connection)
    this.changed()
  }

  /** Opens one more connection, withdrawn. Rejects with the connect error. */
  async open(): Promise<C> {
    if (this.draining !== false) throw new Error('the pool is being drained')
    try {
      return await this.port.open().connection
    } catch (error) {
      // Callers may have counted on this one: hosts open no more than callers wait.
      this.port.wake()
      throw error
    }
  }

  /** Puts a connection that was opened beside others into the pool, unless it is one too many. */
  takeIn(connection: C): void {
    const isTooMany = this.total() > this.policy.max
    if (isTooMany && this.port.counts().pending === 0) {
      void this.discard(connection, 'overflow', false)
      return
    }
    if (isTooMany) this.surplus ??= 'overflow'
    this.restore(connection)
  }

  /** Closes a connection that nobody holds. */
  discard(connection: C, reason: CloseReason, hard: boolean): Promise<void> {
    this.condemn(this.factsOf(connection), reason)
    return this.port.close(connection, hard)
  }
}
