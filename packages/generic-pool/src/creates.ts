import {
  connectWithCredentials,
  PoolkeeperError,
  type Clock,
  type LendingEvents,
  type Opening,
  type PoolCredentials,
  type Timer,
} from '@poolkeeper/core'
import { createThroughHost, isResource, type GenericPool, type PooledResource, type Resource } from './generic-pool.ts'
import type { KnownResource } from './resource-driver.ts'

/** What creating needs of its neighbours. */
export interface CreateNeighbours {
  /** A new resource is in the pool: idle, or kept out of the list until the keeper says so. */
  enter(pooledResource: PooledResource, isHeld: boolean): void
  isKnown(resource: Resource): boolean
  /** What was begun for callers has failed; they go on waiting, or the oldest of them gets the error. */
  failed(error: unknown, answer: 'fail' | 'retry'): void
  /** Nobody had it, and nobody hears of it. */
  discard(resource: Resource): void
  serve(): void
}

/** Asked for by the keeper: nobody's until he says so. */
interface Held {
  resolve(resource: Resource): void
  reject(error: unknown): void
}

/** An attempt to open a resource, from the wish to generic-pool's list. */
interface Attempt {
  readonly number: number
  readonly startedAt: number
  readonly held: Held | undefined
  readonly controller: AbortController
  /** What generic-pool is given, and waits for. */
  arrive(resource: Resource): void
  fail(error: unknown): void
  timer: Timer | undefined
  isOver: boolean
  /** Made, and before the policy's own hook. */
  preparing: Resource | undefined
}

/** The way from nothing to a resource in the pool. */
export class Creates {
  readonly #pool: GenericPool
  readonly #known: KnownResource
  readonly #events: LendingEvents<Resource>
  readonly #clock: Clock
  readonly #neighbours: CreateNeighbours
  readonly #createHost: GenericPool['_createResource']
  readonly #attempts = new Set<Attempt>()
  /** Made, and on their way into generic-pool's list. */
  readonly #arriving = new Map<Resource, Attempt>()
  /** What generic-pool was creating before our time. */
  readonly #before: ReadonlySet<unknown>
  #timeoutMillis = 0
  #isDetached = false

  constructor(
    pool: GenericPool,
    known: KnownResource,
    events: LendingEvents<Resource>,
    clock: Clock,
    neighbours: CreateNeighbours,
  ) {
    this.#pool = pool
    this.#known = known
    this.#events = events
    this.#clock = clock
    this.#neighbours = neighbours
    this.#createHost = pool._createResource
    this.#before = new Set(pool._factoryCreateOperations)
  }

  get count(): number {
    return this.#attempts.size + this.#left
  }

  /** Attempts that were begun because somebody waits. */
  get forWaiters(): number {
    let count = this.#left
    for (const { held } of this.#attempts) if (held === undefined) count++
    return count
  }

  get #left(): number {
    let left = 0
    for (const operation of this.#before) if (this.#pool._factoryCreateOperations.has(operation)) left++
    return left
  }

  configure(connectTimeoutMillis: number): void {
    this.#timeoutMillis = connectTimeoutMillis
  }

  /** A resource for whoever waits. */
  openForWaiter(): void {
    this.#start(undefined)
  }

  /** A resource for the keeper. */
  open(): Opening<Resource> {
    let attempt: Attempt | undefined
    const connection = new Promise<Resource>((resolve, reject) => {
      attempt = this.#start({ resolve, reject })
    })
    return { connection, abandon: () => attempt !== undefined && this.#abandon(attempt) }
  }

  abandon(before: number): void {
    for (const attempt of [...this.#attempts]) if (attempt.startedAt < before) this.#abandon(attempt)
  }

  /** generic-pool has wrapped it, and would put it into its list now. `false` when it is none of ours. */
  arrived(pooledResource: PooledResource): boolean {
    const { obj: resource } = pooledResource
    const attempt = this.#arriving.get(resource)
    if (attempt === undefined) return false
    this.#arriving.delete(resource)
    if (!attempt.isOver) this.#succeed(attempt, pooledResource)
    else {
      this.#pool._allObjects.delete(pooledResource)
      this.#neighbours.discard(resource)
    }
    return true
  }

  /** What is on its way goes on, to generic-pool. */
  detach(): void {
    this.#isDetached = true
    for (const { held, timer } of this.#attempts) {
      timer?.cancel()
      held?.reject(new Error('the keeper was detached'))
    }
    this.#attempts.clear()
  }

  #start(held: Held | undefined): Attempt {
    let arrive: Attempt['arrive'] = () => {}
    let fail: Attempt['fail'] = () => {}
    const arrival = new Promise<Resource>((resolve, reject) => {
      arrive = resolve
      fail = reject
    })
    const attempt: Attempt = {
      number: this.#events.opening(),
      startedAt: this.#clock.now(),
      held,
      controller: new AbortController(),
      arrive,
      fail,
      timer: undefined,
      isOver: false,
      preparing: undefined,
    }
    this.#attempts.add(attempt)
    attempt.timer = this.#clock.after(this.#timeoutMillis, () => this.#giveUp(attempt, timeoutError(this.#timeoutMillis)))
    createThroughHost(this.#pool, this.#createHost, arrival)
    void this.#run(attempt)
    return attempt
  }

  /** The factory is called within this very call, unless credentials have to be fetched first. */
  async #run(attempt: Attempt): Promise<void> {
    const events = this.#events
    const { refusalOf } = this.#known
    try {
      const connect = (credentials: PoolCredentials | undefined): Promise<Resource> => this.#create(attempt, credentials)
      const resource = await connectWithCredentials({ events, refusalOf, connect })
      const preparing = attempt.isOver ? undefined : events.prepare(resource)
      if (preparing !== undefined) await this.#prepared(attempt, resource, preparing)
      if (attempt.isOver) this.#neighbours.discard(resource)
      else this.#arrive(attempt, resource)
    } catch (error) {
      this.#giveUp(attempt, error)
    }
  }

  #arrive(attempt: Attempt, resource: Resource): void {
    // Twice in the books, it could be lent to two callers at once.
    if (this.#neighbours.isKnown(resource) || this.#arriving.has(resource)) {
      throw new TypeError('factory.create resolved with a resource that is in the pool already')
    }
    if (!this.#isDetached) this.#arriving.set(resource, attempt)
    attempt.arrive(resource)
  }

  async #create(attempt: Attempt, credentials: PoolCredentials | undefined): Promise<Resource> {
    const { signal } = attempt.controller
    signal.throwIfAborted()
    const resource: unknown = await this.#pool._factory.create({ signal, credentials })
    if (!isResource(resource)) throw new TypeError('factory.create must resolve with an object: nothing can be remembered of anything else')
    return resource
  }

  async #prepared(attempt: Attempt, resource: Resource, preparing: Promise<void>): Promise<void> {
    const unwatch = this.#known.watch(resource, (error) => this.#giveUp(attempt, error))
    attempt.preparing = resource
    try {
      await preparing
      unwatch()
    } catch (error) {
      this.#neighbours.discard(resource)
      throw error
    } finally {
      attempt.preparing = undefined
    }
  }

  #succeed(attempt: Attempt, pooledResource: PooledResource): void {
    const { obj: resource } = pooledResource
    const { held } = attempt
    this.#settle(attempt)
    this.#neighbours.enter(pooledResource, held !== undefined)
    this.#events.opened(attempt.number, resource)
    // Its death came before anybody watched it.
    if (this.#known.isBroken(resource)) this.#events.died(resource, new Error('the connection died while it was opened'))
    // Those who wait are served when generic-pool has struck the create off its books, and looks for them.
    held?.resolve(resource)
  }

  #abandon(attempt: Attempt): void {
    this.#giveUp(attempt, new PoolkeeperError('CONNECT_FAILED', 'the attempt to connect got no answer and was given up'))
  }

  #giveUp(attempt: Attempt, error: unknown): void {
    if (attempt.isOver) return
    this.#settle(attempt)
    if (!this.#isDetached) this.#tell(attempt, error)
    // generic-pool tells of it in its own way, as an event of the pool, and looks again for those who wait.
    attempt.fail(error)
  }

  #tell({ controller, held, number, preparing }: Attempt, error: unknown): void {
    controller.abort(error)
    if (preparing !== undefined) this.#events.abandoned(preparing)
    const answer = this.#events.openFailed(number, error)
    if (held === undefined) this.#neighbours.failed(error, answer)
    else held.reject(error)
    this.#neighbours.serve()
  }

  #settle(attempt: Attempt): void {
    attempt.isOver = true
    attempt.timer?.cancel()
    this.#attempts.delete(attempt)
  }
}

function timeoutError(millis: number): Error {
  return Object.assign(new Error(`factory.create did not answer within ${millis} ms`), { code: 'ETIMEDOUT' })
}
