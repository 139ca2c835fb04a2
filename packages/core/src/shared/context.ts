import type { Clock } from '../clock.ts'
import type { CloseReason } from '../close-reason.ts'
import { describeCounts, totalOf, type PoolCounts } from '../counts.ts'
import { Credentials } from '../credentials/credentials.ts'
import { PoolkeeperError, type PoolkeeperErrorCode } from '../errors.ts'
import type { ConnectionFacts, Mutable } from '../facts.ts'
import { Ledger } from '../ledger.ts'
import type { PoolPolicy } from '../policy/values.ts'
import { Reporter } from '../reporter.ts'
import { rulesOf, type RulesByMoment } from '../rules/index.ts'
import type { Situation } from '../rules/rule.ts'
import { Counters } from '../stats.ts'
import type { SharedPort } from './shared-port.ts'

export type SharedFacts = Mutable<ConnectionFacts>

/** A pool that nobody asked for so long is not in use. */
const IN_USE_FOR_MILLIS = 30_000

/** What every part of a shared pool's keeper works with: one pool, its facts and its figures. */
export class SharedContext<C extends object> {
  policy: PoolPolicy
  port: SharedPort<C>
  rules: RulesByMoment
  readonly clock: Clock
  readonly ledger: Ledger<C>
  readonly counters: Counters = new Counters()
  readonly reporter: Reporter
  /** One object for all verdicts, brought up to date before each: judging allocates nothing. */
  readonly situation: Mutable<Situation>
  readonly credentials: Credentials
  /** Idle connections that are being asked. */
  validating = 0
  draining = false
  paused: false | 'wait' | 'fail' = false
  lastAcquireAt: number = -Infinity
  lastTimeoutAt: number = -Infinity
  lastOpenError: unknown
  /** Such errors name no deadline that this process kept from being noticed: its port looks after its input first. */
  readonly lastOpenBlockedMillis = 0
  /** What is shared has no mode in which it is only looked at by us. */
  readonly observer: undefined
  /** How often connecting failed since it last succeeded. */
  openFailures = 0
  /** The minimum is kept: the policy names it, or somebody called `ready()`. */
  keepsMinimum: boolean
  /** Called whenever a connection was opened, came to rest or is gone. */
  changed: () => void = () => {}

  constructor(port: SharedPort<C>, policy: PoolPolicy, clock: Clock, draw: () => number) {
    this.port = port
    this.policy = policy
    this.rules = sharedRules(policy)
    this.clock = clock
    this.ledger = new Ledger(draw)
    this.reporter = new Reporter(policy.name, clock)
    this.keepsMinimum = policy.sources.min === 'policy' && policy.min > 0
    this.situation = {
      now: clock.now(),
      generation: 0,
      recycleBefore: -Infinity,
      suspendedMillis: 0,
      credential: undefined,
      refusedIssue: 0,
    }
    this.credentials = new Credentials(this)
  }

  use(policy: PoolPolicy): void {
    this.policy = policy
    this.rules = sharedRules(policy)
  }

  /** The facts of a connection; one that was there before us counts as opened and unproven. */
  factsOf(connection: C): SharedFacts {
    const known = this.ledger.get(connection)
    if (known !== undefined) return known
    const facts = this.ledger.open(connection, this.clock.now(), this.situation.generation)
    facts.provenAt = -Infinity
    return facts
  }

  counts(): PoolCounts {
    const host = this.port.counts()
    return { ...host, idle: Math.max(0, host.idle - this.validating), validating: this.validating }
  }

  total(): number {
    return totalOf(this.counts())
  }

  /** Whether the server may be talked to without a caller: it is awake, or shall be. */
  mayTalk(): boolean {
    if (this.draining) return false
    return this.keepsMinimum || this.policy.sources.keepaliveMillis === 'policy' || this.isInUse()
  }

  isInUse(): boolean {
    return this.clock.now() - this.lastAcquireAt < IN_USE_FOR_MILLIS
  }

  /** Decides that a connection goes. The first reason stands. */
  condemn(facts: SharedFacts, reason: CloseReason): void {
    if (facts.condemnedFor !== undefined) return
    facts.condemnedFor = reason
    if (this.reporter.hears('retired')) this.reporter.emit('retired', { connection: facts.id, reason })
  }

  error(code: PoolkeeperErrorCode, text: string): PoolkeeperError {
    const { name, max } = this.policy
    const counts = this.counts()
    const message = `pool "${name}" ${text} (${describeCounts(counts, max)})`
    return new PoolkeeperError(code, message, { pool: name, counts, cause: this.lastOpenError })
  }

  unsupported(what: string): PoolkeeperError {
    return new PoolkeeperError('UNSUPPORTED_HOST', what)
  }

  drainingError(): PoolkeeperError {
    return this.error('DRAINING', 'is being drained')
  }

  pausedError(): PoolkeeperError {
    return this.error('PAUSED', 'is paused')
  }
}

/** Lifetime, idle time and uses of a shared connection are its host's business. */
function sharedRules(policy: PoolPolicy): RulesByMoment {
  return rulesOf({ ...policy, maxLifetimeMillis: false, idleTimeoutMillis: false, maxUses: false, credentials: undefined })
}
