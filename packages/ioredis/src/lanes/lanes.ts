import { type Clock, type Harm, type PoolPolicy, type SharedAuthentication, type SharedEvents, type SharedPort, type ValidationAnswer, type Waiter } from '@poolkeeper/core'
import { redisDriver } from '@poolkeeper/drivers'
import { type HostClient, killMember, type MakeMember } from '../host/redis-client.ts'
import { Dispatch } from './dispatch.ts'
import { connectionLost } from './errors.ts'
import { Lane, type LaneEnd } from './lane.ts'
import { LaneWatch } from './lane-watch.ts'
import { credentialsOf, laneLogins } from './logins.ts'
import { Opener } from './opener.ts'
import { Renewal } from './renewal.ts'

/** A farewell that is not answered by then is not waited for. */
const LAST_CLOSES_MILLIS = 1_000

/** A server that says so to every connection is not connected to more often than that. */
const LEAST_LIFE_MILLIS = 1_000

/** Lanes that were replaced, and may still answer. */
const MOST_SILENT = 4

/** What the pool tells about itself, as a client of ioredis would. */
export interface LaneNews {
  /** Something changed that `status` may show. */
  changed(): void
  error(error: unknown): void
  /** The server goes away, or has changed its role: those of its connections that are no lanes are in doubt as well. */
  serverLeft(): void
}

export type LaneStatus = 'wait' | 'connecting' | 'ready' | 'reconnecting' | 'close'

/** The connections that all ordinary commands share, and those who wait for one. */
export class Lanes implements SharedPort<Lane> {
  readonly host = 'ioredis'
  readonly authentication: SharedAuthentication<Lane>
  readonly #clock: Clock
  readonly #news: LaneNews
  readonly #all = new Set<Lane>()
  readonly #undos = new Map<Lane, () => void>()
  readonly #opener: Opener
  readonly #watch: LaneWatch
  readonly #renewal: Renewal
  #dispatch!: Dispatch
  #events!: SharedEvents<Lane>
  #policy: PoolPolicy
  #wasOpen = false
  #whenGone: () => void = () => {}

  constructor(make: MakeMember, policy: PoolPolicy, clock: Clock, news: LaneNews) {
    this.#clock = clock
    this.#policy = policy
    this.#news = news
    this.authentication = laneLogins((lanes) => {
      for (const lane of lanes) this.#leave(lane, 'host')
    })
    this.#opener = new Opener(make, clock, policy, () => this.#isWanted(), {
      credentials: (refused) => this.#events.credentials(refused),
      mayOpen: () => this.#events.mayOpen(),
      opening: () => this.#opening(),
      opened: (attempt, client) => this.#opened(attempt, client),
      openFailed: (attempt, error) => this.#openFailed(attempt, error),
      openAbandoned: (attempt) => this.#events.openAbandoned(attempt),
      gaveUp: (error) => void this.#dispatch.line.rejectAll(error, 'failed'),
    })
    this.#watch = new LaneWatch(clock, policy, {
      lanes: () => this.#all,
      suspected: (lane) => this.#suspected(lane),
      cleared: () => this.#changed(),
      overdue: (lane, owedMillis) => this.#overdue(lane, owedMillis),
      rested: (lane) => this.#events.rested(lane),
      active: (lane) => this.#events.answered(lane),
      looked: () => this.#trim(),
    })
    this.#renewal = new Renewal(clock, this.#opener, (lane, end) => this.#leave(lane, end))
  }

  attach(events: SharedEvents<Lane>): void {
    this.#events = events
    this.#dispatch = new Dispatch(this.#clock, events, this.#policy.acquireTimeoutMillis, {
      used: (lane, commands) => this.#used(lane, commands),
      wanted: () => this.#opener.want(),
    })
  }

  /** The way of all commands. */
  get dispatch(): Dispatch {
    return this.#dispatch
  }

  get status(): LaneStatus {
    if (this.#dispatch.usable.length > 0) return 'ready'
    if (this.#opener.count === 0 && !this.#isWanted()) return this.#wasOpen ? 'close' : 'wait'
    return this.#wasOpen ? 'reconnecting' : 'connecting'
  }

  #used(lane: Lane, commands: number): void {
    const isBusy = lane.inFlight > 0
    lane.sent += commands
    // Nobody who is alone waits for the end of a turn.
    if (isBusy) lane.gather()
    if (!lane.isActive) {
      lane.activate(this.#clock.now())
      this.#events.busy(lane)
      this.#watch.wake()
    } else if (isBusy && this.#all.size < this.#policy.max && this.#opener.count === 0) {
      // Whether it arrives is told to who asks for it.
      this.#opener.open().done.catch(() => {})
    }
  }

  #isWanted(): boolean {
    return this.#dispatch.line.count > 0 || [...this.#all].some(({ isSuspect }) => isSuspect)
  }

  #opening(): number {
    // Told when it is on its way.
    queueMicrotask(() => this.#news.changed())
    return this.#events.opening()
  }

  #opened(attempt: number, client: HostClient): void {
    const lane = new Lane(client, this.#clock.now(), Math.random())
    this.#wasOpen = true
    const onData = (): void => {
      lane.heard++
      if (lane.isLeaving && client.commandQueue.length === 0) this.#end(lane)
    }
    const unlisten = redisDriver.listen?.(client, { answered: onData, failed: (error) => this.#failed(lane, error) })
    const unwatch = redisDriver.watch(client, (error) => this.#closed(lane, error))
    this.#undos.set(lane, () => {
      unlisten?.()
      unwatch()
      // ioredis prints what it has to say of a client that nobody listens to.
      client.on('error', () => {})
    })
    this.#all.add(lane)
    this.#events.opened(attempt, lane)
    const credentials = credentialsOf(client)
    if (credentials !== undefined) this.#events.authenticated(lane, credentials)
    // The server has just answered somebody who asked later than those that stay silent.
    for (const suspect of [...this.#all].filter(({ isSuspect }) => isSuspect)) {
      suspect.isSuspect = false
      if (!suspect.hasSpoken) this.#supersede(suspect)
    }
    this.#renewal.plan(lane, this.#policy)
    this.#watch.wake()
    this.#changed()
  }

  #openFailed(attempt: number, error: unknown): void {
    this.#events.openFailed(attempt, error, redisDriver.refusalOf(error))
    this.#news.error(error)
    this.#changed()
  }

  #closed(lane: Lane, error: unknown): void {
    if (!this.#all.delete(lane)) return
    this.#undos.get(lane)?.()
    this.#undos.delete(lane)
    this.#renewal.forget(lane)
    this.#events.closed(lane, lane.isEnding ? lane.goesFor : 'fatal', lane.killedFor ?? error)
    this.#changed()
    this.#whenGone()
  }

  #changed(): void {
    this.#dispatch.use([...this.#all].filter(({ isUsable }) => isUsable))
    this.#news.changed()
    this.#dispatch.serve()
  }

  /** What the server says of itself, or of this connection, on one of them. */
  #failed(lane: Lane, error: unknown): void {
    const harm = this.#harmOf(error)
    if (harm === 'statement') return
    this.#events.failed(lane, error, harm)
    if (harm === 'connection') this.#condemn(lane)
    else if (!lane.isCondemned) {
      this.leaveServer()
      this.#news.serverLeft()
    }
  }

  #harmOf(error: unknown): Harm {
    const judged = redisDriver.harmOf(error)
    try {
      return this.#policy.retireOn?.(error, judged) ?? judged
    } catch {
      // A judgement that throws is none; ioredis would not answer the command.
      return judged
    }
  }

  /** A primary that was demoted, or loads its data, is the server of all of them. */
  leaveServer(): void {
    for (const lane of [...this.#all]) this.#condemn(lane)
  }

  /** It takes nothing more; those who come now wait for the next one. */
  #condemn(lane: Lane): void {
    if (lane.isCondemned) return
    lane.isCondemned = true
    const restMillis = lane.openedAt + LEAST_LIFE_MILLIS - this.#clock.now()
    if (restMillis <= 0) this.#leave(lane, 'host')
    else this.#clock.after(restMillis, () => this.#leave(lane, 'host'))
  }

  /** Silent for longer than is usual: nothing more is sent on it, and another one is opened. Slowness is not death. */
  #suspected(lane: Lane): void {
    this.#changed()
    if (!lane.isLeaving) this.#opener.want()
  }

  /** Another one takes its place. What was sent on it may still be answered, until its deadline. */
  #supersede(lane: Lane): void {
    lane.isLeaving = true
    const silent = [...this.#all].filter(({ isEnding, isLeaving }) => isLeaving && !isEnding)
    // So many slow answers at a time no server has; a network that swallows everything, again and again, may.
    if (silent.length > MOST_SILENT && silent[0] !== undefined) this.#overdue(silent[0], silent[0].owedMillis)
  }

  #overdue(lane: Lane, owedMillis: number): void {
    this.kill(lane, connectionLost(this.#policy.name, `gave no answer within ${Math.round(owedMillis)} ms`))
  }

  /** More of them than there should be, after the rescue of one that recovered: the youngest goes. */
  #trim(): void {
    const spare = this.#dispatch.usable.length - this.#policy.max
    if (spare <= 0) return
    for (const lane of this.#dispatch.usable.slice(-spare)) if (!lane.isProbing) this.#leave(lane, 'host')
  }

  #leave(lane: Lane, end: LaneEnd): void {
    if (lane.isLeaving || lane.isEnding) return
    lane.isLeaving = true
    lane.goesFor = end
    this.#changed()
    if (lane.client.commandQueue.length === 0) this.#end(lane)
  }

  #end(lane: Lane): void {
    if (lane.isEnding) return
    lane.isEnding = true
    lane.client.disconnect(false)
  }

  counts(): { used: number; idle: number; opening: number; closing: number; pending: number } {
    const counts = { used: 0, idle: 0, opening: this.#opener.count, closing: 0, pending: this.#dispatch.line.count }
    for (const lane of this.#all) counts[lane.isEnding ? 'closing' : lane.inFlight > 0 ? 'used' : 'idle']++
    return counts
  }

  connections(): readonly Lane[] {
    return [...this.#all].filter(({ isEnding }) => !isEnding)
  }

  isIdle(lane: Lane): boolean {
    return lane.isUsable && lane.inFlight === 0
  }

  waiters(): readonly Waiter[] {
    return this.#dispatch.waiters()
  }

  postponeDeadlines(millis: number): void {
    this.#dispatch.line.postpone(millis)
  }

  configure(policy: PoolPolicy): void {
    this.#policy = policy
    this.#opener.policy = policy
    this.#watch.policy = policy
    this.#dispatch.line.configure(policy.acquireTimeoutMillis)
    for (const lane of this.#all) this.#renewal.plan(lane, policy)
  }

  async probe(lane: Lane): Promise<ValidationAnswer> {
    lane.isProbing = true
    lane.sent++
    try {
      await redisDriver.validate(lane.client, this.#policy.validationQuery)
      if (this.#policy.validateRole === 'writable') {
        lane.sent++
        if ((await redisDriver.isWritable?.(lane.client)) !== true) throw new Error('the server takes no writes: it is a replica')
      }
    } finally {
      lane.isProbing = false
    }
  }

  knock(): { readonly answer: Promise<void>; abandon(): void } {
    const attempt = this.#opener.open()
    return { answer: attempt.done, abandon: () => attempt.abandon(new Error('the lane has answered meanwhile')) }
  }

  kill(lane: Lane, error: Error): void {
    if (lane.isEnding) return
    lane.isLeaving = true
    lane.killedFor = error
    killMember(lane.client, error)
    this.#changed()
  }

  /** For `recycle()`. */
  retire(lanes: readonly Lane[]): void {
    this.#renewal.replace(lanes, 'host')
  }

  /** Closes what is idle above the minimum, with nothing in its place. */
  evictIdle(): number {
    const idle = this.#dispatch.usable.filter((lane) => this.isIdle(lane) && !lane.isProbing)
    const spare = idle.slice(0, Math.max(0, this.#dispatch.usable.length - this.#policy.min))
    for (const lane of spare) this.#leave(lane, 'idle')
    return spare.length
  }

  async open(count: number): Promise<void> {
    const missing = count - this.#dispatch.usable.length - this.#opener.count
    if (missing > 0) await Promise.all(Array.from({ length: missing }, () => this.#opener.open().done))
  }

  wake(): void {
    this.#dispatch.serve()
  }

  rejectWaiters(error: Error): number {
    return this.#dispatch.line.rejectAll(error, 'refused')
  }

  /** Those who use it no more: with everything that is in flight. */
  async close(): Promise<void> {
    this.#stop()
    for (const lane of [...this.#all]) {
      if (lane.client.commandQueue.length === 0) this.#end(lane)
      else this.kill(lane, connectionLost(this.#policy.name, 'was closed with commands in flight'))
    }
    if (this.#all.size === 0) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        timer.cancel()
        resolve()
      }
      const timer = this.#clock.after(LAST_CLOSES_MILLIS, done, true)
      this.#whenGone = () => {
        if (this.#all.size === 0) done()
      }
    })
    for (const lane of this.#all) redisDriver.destroy(lane.client)
  }

  #stop(): void {
    this.#renewal.stop()
    this.#watch.stop()
    this.#opener.stop(new Error('the pool is closed'))
  }

  /** A pool that was made with its policy cannot be without it: its keeper refuses before. */
  detach(): void {}
}
