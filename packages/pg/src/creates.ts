import {
  connectWithCredentials,
  PoolkeeperError,
  type Clock,
  type LendingEvents,
  type Opening,
  type PoolCredentials,
  type Timer,
} from '@poolkeeper/core'
import { asError, settingsWith, type Driver } from '@poolkeeper/drivers'
import {
  connectTimeoutError,
  strikeOff,
  tell,
  withOptions,
  type IdleItem,
  type PendingItem,
  type PgPool,
  type PoolClient,
  type Release,
} from './pg-pool.ts'

/** What creating needs of its neighbours. */
export interface CreateNeighbours {
  /** A new client is in the pool: idle, or kept out of the list until the keeper says so. */
  enter(item: IdleItem, isHeld: boolean): void
  /** The oldest caller that counts on an attempt gets its error. */
  failOldest(error: unknown): void
  serve(): void
}

/** An attempt to open a client, from the wish to the pool's list. */
interface Attempt {
  readonly number: number
  readonly startedAt: number
  /** Asked for by the keeper: nobody's until he says so. */
  readonly held: { resolve(client: PoolClient): void; reject(error: unknown): void } | undefined
  timer: Timer | undefined
  /** What pg-pool is connecting for it now. */
  connecting: Connecting | undefined
  client: PoolClient | undefined
  isPreparing: boolean
}

/** One connect; pg-pool takes it for the caller that the client is for. */
class Connecting implements PendingItem {
  readonly #resolve: (item: IdleItem) => void
  readonly #reject: (error: unknown) => void
  /** pg-pool's word for: whatever still comes of it goes to nobody. */
  timedOut = false

  constructor(resolve: (item: IdleItem) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  readonly callback = (error: unknown, client: PoolClient | undefined, release: Release): void => {
    // With a client only where the keeper was detached meanwhile: it is the pool's.
    if (client === undefined) this.#reject(error)
    else release()
  }

  connected(item: IdleItem): void {
    this.#resolve(item)
  }
}

/** The way from nothing to a connected client. */
export class PgCreates {
  readonly #pool: PgPool
  readonly #driver: Driver<PoolClient>
  readonly #events: LendingEvents<PoolClient>
  readonly #clock: Clock
  readonly #neighbours: CreateNeighbours
  readonly #newClient: (waiter: PendingItem) => void
  readonly #attempts = new Set<Attempt>()
  readonly #items = new WeakMap<PoolClient, IdleItem>()
  #timeoutMillis = 0

  constructor(
    pool: PgPool,
    driver: Driver<PoolClient>,
    events: LendingEvents<PoolClient>,
    clock: Clock,
    neighbours: CreateNeighbours,
  ) {
    this.#pool = pool
    this.#driver = driver
    this.#events = events
    this.#clock = clock
    this.#neighbours = neighbours
    this.#newClient = pool.newClient
  }

  get count(): number {
    return this.#attempts.size
  }

  /** Attempts that were begun because somebody waits. */
  get forWaiters(): number {
    let count = 0
    for (const { held } of this.#attempts) if (held === undefined) count++
    return count
  }

  /** Attempts for which pg-pool has no client yet: they wait for their credentials. */
  get unborn(): number {
    let count = 0
    for (const { client } of this.#attempts) if (client === undefined) count++
    return count
  }

  configure(connectTimeoutMillis: number): void {
    this.#timeoutMillis = connectTimeoutMillis
  }

  /** A client for whoever waits. */
  openForWaiter(): void {
    this.#start(undefined)
  }

  /** A client for the keeper. */
  open(): Opening<PoolClient> {
    let attempt: Attempt | undefined
    const connection = new Promise<PoolClient>((resolve, reject) => {
      attempt = this.#start({ resolve, reject })
    })
    return { connection, abandon: () => attempt !== undefined && this.#abandon(attempt) }
  }

  abandon(before: number): void {
    for (const attempt of [...this.#attempts]) if (attempt.startedAt < before) this.#abandon(attempt)
  }

  /** Connected: pg-pool would give it to its caller now. `false` when it is none of ours. */
  connected(item: IdleItem, waiter: PendingItem): boolean {
    if (!(waiter instanceof Connecting)) return false
    if (waiter.timedOut) {
      this.#close(item.client)
      return true
    }
    // First of all, as its user's first statements are to be the first on it.
    tell(this.#pool, 'connect', item.client)
    waiter.connected(item)
    return true
  }

  detach(): void {
    for (const { held, timer } of this.#attempts) {
      timer?.cancel()
      held?.reject(new Error('the keeper was detached'))
    }
    this.#attempts.clear()
  }

  #start(held: Attempt['held']): Attempt {
    const attempt: Attempt = {
      number: this.#events.opening(),
      startedAt: this.#clock.now(),
      held,
      timer: undefined,
      connecting: undefined,
      client: undefined,
      isPreparing: false,
    }
    this.#attempts.add(attempt)
    attempt.timer = this.#clock.after(this.#timeoutMillis, () => this.#giveUp(attempt, connectTimeoutError()))
    void this.#run(attempt)
    return attempt
  }

  /** pg-pool begins to connect within this very call, unless credentials have to be fetched first. */
  async #run(attempt: Attempt): Promise<void> {
    const events = this.#events
    const { refusalOf } = this.#driver
    try {
      const client = await connectWithCredentials({ events, refusalOf, connect: (given) => this.#connect(attempt, given) })
      const preparing = this.#isOver(attempt) ? undefined : this.#prepare(client)
      if (preparing !== undefined) await this.#prepared(attempt, client, preparing)
      if (this.#isOver(attempt)) this.#close(client)
      else this.#succeed(attempt, client)
    } catch (error) {
      this.#giveUp(attempt, error)
    }
  }

  #connect(attempt: Attempt, credentials: PoolCredentials | undefined): Promise<PoolClient> {
    if (this.#isOver(attempt)) return Promise.reject(new Error('the attempt to connect was given up'))
    const pool = this.#pool
    return new Promise((resolve, reject) => {
      const connecting = new Connecting((item) => {
        this.#items.set(item.client, item)
        resolve(item.client)
      }, reject)
      const before = pool._clients.length
      const connect = (): void => this.#newClient.call(pool, connecting)
      attempt.connecting = connecting
      if (credentials === undefined) connect()
      else withOptions(pool, settingsWith(pool.options, credentials), connect)
      if (pool._clients.length > before) attempt.client = pool._clients.at(-1)
    })
  }

  /** What its user does with a new client, and then what the policy does, before anybody has it. */
  #prepare(client: PoolClient): Promise<void> | undefined {
    const { options } = this.#pool
    const { verify } = options
    if (verify === undefined) return this.#events.prepare(client)
    const verified = new Promise<void>((resolve, reject) => {
      verify.call(options, client, (error) => (error ? reject(error as Error) : resolve()))
    })
    return verified.then(() => this.#events.prepare(client))
  }

  async #prepared(attempt: Attempt, client: PoolClient, preparing: Promise<void>): Promise<void> {
    const unwatch = this.#driver.watch(client, (error) => this.#giveUp(attempt, error))
    attempt.isPreparing = true
    try {
      await preparing
      unwatch()
    } finally {
      attempt.isPreparing = false
    }
  }

  #succeed(attempt: Attempt, client: PoolClient): void {
    const item = this.#items.get(client)
    if (item === undefined) return
    this.#settle(attempt)
    this.#neighbours.enter(item, attempt.held !== undefined)
    this.#events.opened(attempt.number, client)
    // Its death came before anybody watched it.
    if (this.#driver.isBroken(client)) this.#events.died(client, new Error('the connection died while it was opened'))
    if (attempt.held === undefined) this.#neighbours.serve()
    else attempt.held.resolve(client)
  }

  #abandon(attempt: Attempt): void {
    this.#giveUp(attempt, new PoolkeeperError('CONNECT_FAILED', 'the attempt to connect got no answer and was given up'))
  }

  #giveUp(attempt: Attempt, error: unknown): void {
    if (this.#isOver(attempt)) return
    const { client, connecting, isPreparing } = attempt
    this.#settle(attempt)
    if (connecting !== undefined) connecting.timedOut = true
    if (client !== undefined) {
      if (isPreparing) this.#events.abandoned(client)
      this.#close(client)
    }
    const answer = this.#events.openFailed(attempt.number, asError(error))
    if (attempt.held !== undefined) attempt.held.reject(error)
    else if (answer === 'fail') this.#neighbours.failOldest(error)
    this.#neighbours.serve()
  }

  #isOver(attempt: Attempt): boolean {
    return !this.#attempts.has(attempt)
  }

  #settle(attempt: Attempt): void {
    attempt.timer?.cancel()
    this.#attempts.delete(attempt)
  }

  /** Nobody had it, and nobody hears of it. */
  #close(client: PoolClient): void {
    strikeOff(this.#pool, client)
    client.on('error', () => {})
    this.#driver.destroy(client)
    // libpq cannot be stopped while it connects: whoever tries ends the process. Its client comes by once more.
    if (client.native !== undefined && client._connected !== true) return
    // For the client's own bookkeeping.
    client.end(() => {})
  }
}
