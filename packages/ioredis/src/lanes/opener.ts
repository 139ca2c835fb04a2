import { Backoff, type Clock, type PoolPolicy, type Timer } from '@poolkeeper/core'
import { redisDriver } from '@poolkeeper/drivers'
import { type HostClient, isWritable, type MakeMember, type OpeningMember } from '../host/redis-client.ts'
import { type CredentialsSource, openLoggedIn } from './logins.ts'

/** An attempt that has been silent for so long gets a rival; longer where connecting is known to take longer. */
const LEAST_PATIENCE_MILLIS = 500
/** How many times what the last one took. */
const PATIENCE = 4

/** What is told of attempts to connect. */
export interface OpenerEvents extends CredentialsSource {
  /** Whether those who wait are let into a connect now; if not, they are told, or woken when it is over. */
  mayOpen(): boolean
  opening(): number
  opened(attempt: number, client: HostClient): void
  openFailed(attempt: number, error: unknown): void
  openAbandoned(attempt: number): void
  /** Those who wait get this error; nobody tries any more. */
  gaveUp(error: Error): void
}

interface Attempt {
  readonly startedAt: number
  readonly done: Promise<void>
  abandon(error: Error): void
}

/** Connects: once, when it is asked to, or again and again while somebody waits. */
export class Opener {
  readonly #make: MakeMember
  readonly #clock: Clock
  readonly #events: OpenerEvents
  readonly #isWanted: () => boolean
  readonly #backoff = new Backoff()
  readonly #running = new Set<Attempt>()
  policy: PoolPolicy
  #pause: Timer | undefined
  #patience: Timer | undefined
  /** May take its whole time: on a network that has become slow it is the one that arrives. */
  #patient: Attempt | undefined
  #hasty: Attempt | undefined
  #usualMillis = 0
  #isStopped = false

  constructor(make: MakeMember, clock: Clock, policy: PoolPolicy, isWanted: () => boolean, events: OpenerEvents) {
    this.#make = make
    this.#clock = clock
    this.policy = policy
    this.#isWanted = isWanted
    this.#events = events
  }

  get count(): number {
    return this.#running.size
  }

  get failures(): number {
    return this.#backoff.failures
  }

  /** One attempt, whatever becomes of it. */
  open(): { readonly done: Promise<void>; abandon(error: Error): void } {
    return this.#begin()
  }

  /** Somebody waits: one attempt at a time, with pauses between those that fail, until nobody does. */
  want(): void {
    if (this.#isStopped || this.#patient !== undefined || this.#pause !== undefined || !this.#events.mayOpen()) return
    const pauseMillis = this.#backoff.leftMillis(this.#clock.now(), true)
    if (pauseMillis > 0) this.#wait(pauseMillis)
    else this.#beginPatient()
  }

  /** Gives up on everything, for good. */
  stop(error: Error): void {
    this.#isStopped = true
    this.forgo(error)
  }

  /** Gives up on what is under way. */
  forgo(error: Error): void {
    this.#rest()
    for (const attempt of [...this.#running]) attempt.abandon(error)
  }

  #beginPatient(): void {
    const attempt = this.#begin()
    this.#patient = attempt
    this.#watch()
    attempt.done.then(
      () => this.#arrived(attempt),
      (error: unknown) => this.#failed(attempt, error),
    )
  }

  /** Behind a network that swallows everything, only an attempt that is younger than its return gets through. */
  #watch(): void {
    const patience = Math.max(LEAST_PATIENCE_MILLIS, PATIENCE * this.#usualMillis)
    this.#patience = this.#clock.after(patience, () => {
      const silent = this.#hasty
      this.#hasty = undefined
      silent?.abandon(new Error(`no answer to connecting within ${patience} ms, and another attempt is begun`))
      const attempt = this.#begin()
      this.#hasty = attempt
      attempt.done.then(
        () => this.#arrived(attempt),
        () => {
          if (this.#hasty === attempt) this.#hasty = undefined
        },
      )
      this.#watch()
    })
  }

  #arrived(first: Attempt): void {
    const others = [this.#patient, this.#hasty].filter((attempt) => attempt !== first)
    this.#rest()
    for (const other of others) other?.abandon(new Error('another attempt arrived before'))
  }

  #failed(attempt: Attempt, error: unknown): void {
    if (this.#patient !== attempt) return
    const hasty = this.#hasty
    this.#rest()
    hasty?.abandon(new Error('given up with the attempt before it'))
    const isHopeless = redisDriver.refusalOf(error) === 'credentials'
    this.#backoff.failed({ startedAt: attempt.startedAt, failedAt: this.#clock.now(), isHopeless }, this.policy.createBackoff, Math.random)
    if (isHopeless || !this.policy.createRetry) this.#events.gaveUp(error instanceof Error ? error : new Error(String(error)))
    else if (this.#isWanted()) this.want()
  }

  #wait(millis: number): void {
    this.#pause = this.#clock.after(
      millis,
      () => {
        this.#pause = undefined
        if (this.#isWanted()) this.want()
      },
      true,
    )
  }

  #rest(): void {
    this.#pause?.cancel()
    this.#patience?.cancel()
    this.#pause = this.#patience = this.#patient = this.#hasty = undefined
  }

  #begin(): Attempt {
    const { connectTimeoutMillis } = this.policy
    const startedAt = this.#clock.now()
    const number = this.#events.opening()
    const member = openLoggedIn(this.#make, this.#events)
    const timer = this.#clock.after(connectTimeoutMillis, () => {
      this.#clock.afterInput(() => member.abandon(new Error(`did not connect within ${connectTimeoutMillis} ms`)))
    })
    let isAbandoned = false
    const told = (error: unknown): void => {
      if (isAbandoned) this.#events.openAbandoned(number)
      else this.#events.openFailed(number, error)
    }
    const abandon = (error: Error): void => {
      isAbandoned = true
      member.abandon(error)
    }
    const attempt: Attempt = { startedAt, done: this.#follow(member, number, startedAt, told), abandon }
    const ended = (): void => {
      timer.cancel()
      this.#running.delete(attempt)
    }
    this.#running.add(attempt)
    attempt.done.then(ended, ended)
    return attempt
  }

  async #follow({ ready }: OpeningMember, number: number, startedAt: number, failed: (error: unknown) => void): Promise<void> {
    try {
      const client = await ready
      await this.#checkRole(client)
      // It was given up, or died, in the turn in which it became ready.
      if (!isWritable(client)) throw new Error('the connection was closed as soon as it was ready')
      this.#usualMillis = this.#clock.now() - startedAt
      this.#condemnOlder(startedAt)
      this.#backoff.succeeded()
      this.#events.opened(number, client)
    } catch (error) {
      failed(error)
      throw error
    }
  }

  /** The server answers: what has asked so much earlier, and has no answer, will get none. */
  #condemnOlder(startedAt: number): void {
    for (const attempt of [...this.#running]) {
      if (attempt.startedAt < startedAt - LEAST_PATIENCE_MILLIS) attempt.abandon(new Error('another attempt, begun later, arrived before'))
    }
  }

  async #checkRole(client: HostClient): Promise<void> {
    if (this.policy.validateRole !== 'writable' || (await redisDriver.isWritable?.(client)) === true) return
    redisDriver.destroy(client)
    throw new Error('the server takes no writes: it is a replica')
  }
}
