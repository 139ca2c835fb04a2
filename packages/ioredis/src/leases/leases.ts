import { forgetKeeper, type Clock, type PoolCircuit, type PoolKeeper, type PoolPolicyOptions, systemClock } from '@poolkeeper/core'
import { type RedisConnection, redisDriver, type Traffic } from '@poolkeeper/drivers'
import { applyPoolPolicy, type CreateAttempt } from '@poolkeeper/generic-pool'
import { createPool, type Pool } from 'generic-pool'
import type { Redis } from 'ioredis'
import { Deadlines } from '../commands/deadlines.ts'
import { isBlocking, mayWait } from '../commands/patience.ts'
import { type HostClient, killMember, type MakeMember, openMember, type SentCommand } from '../host/redis-client.ts'
import { connectionLost } from '../lanes/errors.ts'
import { LeasedClient } from './leased-client.ts'
import { Session } from './session.ts'

/** One connection for oneself. */
export interface RedisLease extends AsyncDisposable {
  /** A client of ioredis, for as long as the lease lasts. */
  readonly client: Redis
  /** Gives it back. What was left on it is undone: WATCH, an open MULTI, subscriptions, another database. */
  release(): Promise<void>
}

/** The pool that leases are a part of. */
export interface LeasesHooks {
  /** Gives a client what was defined on the pool: its scripts. */
  adorn(client: HostClient): void
  /** The server goes away, or has changed its role: those of its connections that are no leases are in doubt as well. */
  serverLeft(): void
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown }

/** The connections that are lent to one caller at a time: a pool of generic-pool, kept by the same policy. */
export class Leases {
  readonly keeper: PoolKeeper
  readonly #clock: Clock = systemClock
  readonly #pool: Pool<HostClient>
  readonly #sessions = new WeakMap<RedisConnection, Session>()
  readonly #hooks: LeasesHooks
  readonly #open = new Set<HostClient>()
  /** Of what holders send: a connection may fall silent in their hands. */
  readonly #deadlines: Deadlines
  readonly #driver: typeof redisDriver = {
    ...redisDriver,
    listen: (client, traffic) => this.#listen(client, traffic),
    // A login of ours is none of its holder's doing.
    reauthenticate: (client, credentials) => {
      const logIn = async (): Promise<void> => redisDriver.reauthenticate?.(client, credentials)
      const session = this.#sessions.get(client)
      return session === undefined ? logIn() : session.unnoted(logIn)
    },
  }

  constructor(make: MakeMember, policy: PoolPolicyOptions & { readonly max: number }, circuit: PoolCircuit, hooks: LeasesHooks) {
    this.#hooks = hooks
    this.#deadlines = new Deadlines(this.#clock, Infinity, (command) => this.#overdue(command))
    this.#pool = createPool<HostClient>(
      {
        create: (attempt?: CreateAttempt) => this.#create(make, attempt),
        async destroy(client) {
          client.disconnect(false)
          await redisDriver.whenClosed?.(client)
        },
      },
      // The one that was used last comes first: what nobody needs is closed in the end.
      { max: policy.max, autostart: false, fifo: false },
    )
    this.keeper = applyPoolPolicy<HostClient>(this.#pool, policy, this.#driver, { circuit })
    this.unlist()
  }

  /** Whoever lists the pools of a process finds the whole, of which this is a part. */
  unlist(): void {
    forgetKeeper(this.#pool)
  }

  /** None of them is lent again: the server goes away, or has changed its role. */
  leaveServer(): void {
    // In the end of the pool, they go in any case.
    this.keeper.recycle().catch(() => {})
  }

  /** As the driver does; what one lease hears of the server holds for the lanes as well. */
  #listen(client: RedisConnection, { answered, failed }: Traffic): () => void {
    const listen = redisDriver.listen ?? ((): (() => void) => () => {})
    return listen(client, {
      answered,
      failed: (error) => {
        if (redisDriver.harmOf(error) !== 'server') return failed(error)
        // The policy may see it otherwise: its keeper has decided when it returns.
        const { generation } = this.keeper.stats()
        failed(error)
        if (this.keeper.stats().generation === generation) return
        // The others would answer a check: a replica does.
        this.leaveServer()
        this.#hooks.serverLeft()
      },
    })
  }

  async lease(): Promise<RedisLease> {
    const client = await this.#pool.acquire()
    const leased = this.#lend(client)
    let released: Promise<void> | undefined
    // A second time, it would be taken from whoever has it by then.
    const release = (): Promise<void> => (released ??= this.#release(client, leased))
    return { client: leased.face, release, [Symbol.asyncDispose]: release }
  }

  async use<T>(work: (client: Redis) => T | Promise<T>): Promise<T> {
    let outcome: Outcome<T> | undefined
    try {
      await this.#pool.use(async (client) => {
        outcome = await this.#outcomeOf(client, work)
        // generic-pool destroys what an error came from.
        if (!(await this.#isClean(client))) throw new Error('the connection cannot be given to anybody else')
      })
    } catch (error) {
      // Without an outcome, nothing was lent.
      outcome ??= { error }
    }
    if (outcome === undefined) throw new Error('generic-pool has lent nothing, and said nothing')
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }

  async #outcomeOf<T>(client: HostClient, work: (client: Redis) => T | Promise<T>): Promise<Outcome<T>> {
    const leased = this.#lend(client)
    try {
      return { value: await work(leased.face) }
    } catch (error) {
      return { error }
    } finally {
      leased.end()
    }
  }

  /** Undoes what was left on it. Nothing is sent, and nobody waits, when nothing was; `false` when it could not be done. */
  async #isClean(client: HostClient): Promise<boolean> {
    const session = this.#sessions.get(client)
    if (session === undefined || session.isClean || client.status !== 'ready') return true
    let timer: { cancel(): void } | undefined
    const late = new Promise<false>((resolve) => {
      timer = this.#clock.after(this.keeper.policy.validationTimeoutMillis, () => resolve(false), true)
    })
    const cleaned = session.clean().then(
      () => session.isClean,
      () => false,
    )
    const isClean = await Promise.race([cleaned, late])
    timer?.cancel()
    return isClean
  }

  /** A command that keeps its connection waiting has one for itself. */
  async block(command: SentCommand, waitMillis: number | undefined): Promise<void> {
    try {
      const client = await this.#pool.acquire()
      const timer = waitMillis === undefined ? undefined : this.#watch(client, command, waitMillis)
      const settled = Promise.allSettled([command.promise])
      client.sendCommand(command)
      await settled
      timer?.cancel()
      await this.#pool.release(client)
    } catch (error) {
      command.reject(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** The server is to answer when its own time is up. */
  #watch(client: HostClient, command: SentCommand, waitMillis: number): { cancel(): void } {
    const { acquireTimeoutMillis, name } = this.keeper.policy
    return this.#clock.after(waitMillis + acquireTimeoutMillis, () => {
      this.#clock.afterInput(() => {
        command.reject(connectionLost(name, `gave no answer within ${waitMillis + acquireTimeoutMillis} ms`))
        redisDriver.destroy(client)
      })
    })
  }

  async #create(make: MakeMember, attempt: CreateAttempt | undefined): Promise<HostClient> {
    const opening = openMember(make, attempt?.credentials)
    attempt?.signal.addEventListener('abort', () => opening.abandon(new Error('the attempt to connect was given up')), { once: true })
    const client = await opening.ready
    const session = new Session(client)
    const { sendCommand } = client
    this.#sessions.set(client, session)
    client.sendCommand = (command, stream) => {
      session.note(command)
      return sendCommand.call(client, command, stream)
    }
    this.#open.add(client)
    // Before ioredis does, which says only that it is closed.
    client.stream.prependListener('close', () => {
      this.#open.delete(client)
      const error = connectionLost(this.keeper.policy.name, 'was lost under its holder')
      for (const { command } of client.commandQueue.toArray()) command.reject(error)
    })
    return client
  }

  #lend(client: HostClient): LeasedClient {
    this.#hooks.adorn(client)
    const { acquireTimeoutMillis, name } = this.keeper.policy
    this.#deadlines.timeoutMillis = acquireTimeoutMillis
    return new LeasedClient(client, name, (command) => {
      // One that is meant to wait is not looked at again and again.
      if (!isBlocking(command)) this.#deadlines.add(command)
    })
  }

  /** What to tell of a command that has no answer in time; nothing while the server may still be meant to keep it waiting. */
  #overdue(command: SentCommand): Error | undefined {
    const { acquireTimeoutMillis, name } = this.keeper.policy
    const client = [...this.#open].find(({ commandQueue }) => commandQueue.toArray().some(({ command: sent }) => sent === command))
    if (client !== undefined && mayWait({ client })) return undefined
    const error = connectionLost(name, `gave no answer within ${acquireTimeoutMillis} ms`)
    if (client !== undefined) killMember(client, error)
    return error
  }

  async #release(client: HostClient, leased: LeasedClient): Promise<void> {
    leased.end()
    if (await this.#isClean(client)) await this.#pool.release(client)
    else await this.#pool.destroy(client)
  }
}
