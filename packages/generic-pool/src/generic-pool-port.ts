import {
  Overrides,
  type Clock,
  type ConnectRefusal,
  type DrainOptions,
  type Harm,
  type HostCounts,
  type LendingEvents,
  type LendingKeeper,
  type LendingPort,
  type Opening,
  type Origin,
  type PoolPolicy,
  type TransactionStatus,
  type ValidationAnswer,
  type Waiter,
} from '@poolkeeper/core'
import { Acquires } from './acquires.ts'
import { Closes } from './closes.ts'
import { Creates } from './creates.ts'
import { isIn, nodesOf, type GenericPool, type PooledResource, type Resource } from './generic-pool.ts'
import { HostRules } from './host-rules.ts'
import { Releases } from './releases.ts'
import type { KnownResource } from './resource-driver.ts'
import { Seats, type Place, type SeatEvents } from './seats.ts'

/** generic-pool itself has none, unless its user says so. */
const WITHOUT_DEADLINES = { acquireTimeoutMillis: Infinity, connectTimeoutMillis: 2_147_483_647 } as const

/** Those who wait are still served, as generic-pool does it. */
const TO_THE_END: DrainOptions = { waiters: 'finish' }

/** Everything that works on one pool while it is attended. */
interface Parts {
  readonly events: LendingEvents<Resource>
  readonly acquires: Acquires
  readonly releases: Releases
  readonly creates: Creates
  readonly closes: Closes
  readonly hostRules: HostRules
}

/**
 * The port for a pool of generic-pool: answers what the keeper asks, and does what it decides, on
 * generic-pool's own lists and books.
 */
export class GenericPoolPort implements LendingPort<Resource> {
  readonly host = 'generic-pool'
  readonly replaceable = true
  readonly reauthenticate: LendingPort<Resource>['reauthenticate']
  readonly #pool: GenericPool
  readonly #known: KnownResource
  readonly #clock: Clock
  readonly #overrides: Overrides<GenericPool>
  readonly #seats: Seats
  readonly #hasDeadline: boolean
  #policy: PoolPolicy
  #parts: Parts | undefined
  #isObserving = false
  /** Between two attempts of a pool that is only observed, for the event loop's sake. */
  #isHeld = false

  constructor(pool: GenericPool, known: KnownResource, policy: PoolPolicy, clock: Clock) {
    this.#pool = pool
    this.#known = known
    this.reauthenticate = known.reauthenticate?.bind(known)
    this.#clock = clock
    this.#policy = policy
    this.#overrides = new Overrides(pool)
    this.#seats = new Seats(pool, known)
    this.#hasDeadline = pool._config.acquireTimeoutMillis !== undefined
  }

  /** Takes over generic-pool's decisions: from here on the keeper is told and asked. */
  attach(keeper: LendingKeeper<Resource>): void {
    const pool = this.#pool
    const overrides = this.#overrides
    const events: LendingEvents<Resource> = keeper
    const serve = (): void => acquires.serve()
    const hostRules = new HostRules(pool, overrides)
    const closes = new Closes(pool, this.#known, events, this.#clock, this.#seats, serve)
    const close = (resource: Resource, hard = false): Promise<void> => closes.close(resource, hard)
    const creates = new Creates(pool, this.#known, events, this.#clock, {
      enter: (pooledResource, isHeld) => this.#enter(pooledResource, isHeld ? 'withdrawn' : 'idle'),
      isKnown: (resource) => this.#seats.get(resource) !== undefined,
      failed: (error, answer) => this.#createFailed(error, answer),
      discard: (resource) => void this.#discard(resource),
      serve,
    })
    const acquires: Acquires = new Acquires(pool, overrides, this.#seats, events, this.#clock, {
      close,
      open: () => this.#openForWaiters(),
      hostAgrees: (resource) => hostRules.agrees(resource),
    })
    const releases = new Releases(pool, overrides, this.#known, events, this.#clock, this.#seats, { close, serve })
    this.#parts = { events, acquires, releases, creates, closes, hostRules }
    this.#takeOver(keeper, this.#parts)
    this.#adopt()
    this.configure(this.#policy)
    acquires.serve()
  }

  #takeOver({ tracking }: LendingKeeper<Resource>, { closes, creates }: Parts): void {
    const pool = this.#pool
    const overrides = this.#overrides
    const { _destroy: destroyHost, use: useHost } = pool
    const use: GenericPool['use'] = (work, priority) =>
      // What throws, or returns no promise, would keep its resource for ever.
      tracking.runWithin(use, () => useHost.call(pool, async (resource) => work(resource), priority))
    overrides.set('use', use)
    overrides.set('drain', () => pool._Promise.resolve(this.#drain()))
    overrides.set('clear', () => pool._Promise.resolve(this.#clear()))
    overrides.set('_ensureMinimum', () => this.#openMinimum())
    overrides.set('_addPooledResourceToAvailableObjects', (pooledResource) => this.#arrived(pooledResource))
    // What generic-pool was testing before our time.
    overrides.set('_dispatchPooledResourceToNextWaitingClient', (pooledResource) => {
      this.#arrived(pooledResource)
      return false
    })
    overrides.set('_destroy', (pooledResource) => {
      if (this.#seats.get(pooledResource.obj)?.data === pooledResource) void closes.close(pooledResource.obj, false)
      else destroyHost.call(pool, pooledResource)
    })
    overrides.set('_createResource', () => creates.openForWaiter())
  }

  /** Resources from before our time are listened to, and closed, like all others. */
  #adopt(): void {
    const { _resourceLoans } = this.#pool
    const { idle } = this.#seats
    for (const node of nodesOf(idle)) {
      const seat = this.#seats.adopt(node.data, 'idle', this.#seatEvents)
      idle.insertBefore(node, seat)
      idle.remove(node)
      this.#parts?.events.adopted(seat.resource, false)
    }
    for (const { pooledResource } of [..._resourceLoans.values()]) {
      const seat = this.#seats.adopt(pooledResource, 'lent', this.#seatEvents)
      _resourceLoans.set(seat.resource, seat)
      this.#parts?.events.adopted(seat.resource, true)
    }
  }

  #enter(pooledResource: PooledResource, place: Place): void {
    const seat = this.#seats.adopt(pooledResource, place, this.#seatEvents)
    if (place === 'idle') this.#seats.toIdle(seat)
  }

  /** What generic-pool has made, or tested, for us or before our time. */
  #arrived(pooledResource: PooledResource): void {
    const { acquires, creates, events } = this.#partsThere()
    if (creates.arrived(pooledResource)) return
    this.#enter(pooledResource, 'idle')
    events.adopted(pooledResource.obj, false)
    acquires.serve()
  }

  readonly #seatEvents: SeatEvents = {
    answered: (seat) => {
      this.#parts?.events.answered(seat.resource)
      this.#parts?.releases.answered(seat)
    },
    failed: (seat, error) => {
      // Of a check: who asked will say more.
      if (seat.place === 'lent') this.#parts?.events.failed(seat.resource, error, this.#known.harmOf(error))
    },
    died: (seat, error) => {
      this.#parts?.events.died(seat.resource, error)
      // Its holder has let go of it already; nothing more comes of what was under way.
      seat.leaving?.leave()
    },
  }

  #createFailed(error: unknown, answer: 'fail' | 'retry'): void {
    const { acquires, creates } = this.#partsThere()
    if (!this.#isObserving) {
      if (answer === 'fail') acquires.failOldest(error, creates.forWaiters)
      return
    }
    // generic-pool begins again at once; that the event loop turns meanwhile is all that is added.
    this.#isHeld = true
    setImmediate(() => {
      this.#isHeld = false
      acquires.serve()
    })
  }

  async #discard(resource: Resource): Promise<void> {
    // It may still raise errors, and nobody else may be listening.
    this.#known.watch(resource, () => {})
    await this.#parts?.closes.farewell(resource, true).catch(() => {})
  }

  async #drain(): Promise<void> {
    this.#pool._draining = true
    await this.#parts?.events.shutdown(TO_THE_END)
    this.#pool._descheduleEvictorRun()
  }

  /** Also off its list of available ones, where generic-pool itself leaves what it has destroyed. */
  async #clear(): Promise<void> {
    const { closes } = this.#partsThere()
    await Promise.allSettled(this.#pool._factoryCreateOperations)
    for (const resource of this.#seats.idleResources()) void closes.close(resource, false)
    await closes.settled()
  }

  /** Asked for by its `start`; later on, it is the keeper's to see to. */
  #openMinimum(): void {
    const { creates } = this.#partsThere()
    const missing = this.#policy.min - this.#pool._allObjects.size - creates.count
    for (let one = 0; one < missing; one++) creates.openForWaiter()
  }

  #openForWaiters(): void {
    const { max } = this.#policy
    const { _allObjects } = this.#pool
    // Most often: everything is open, and in use.
    if (_allObjects.size >= max || this.#isHeld) return
    const { acquires, creates, closes, events } = this.#partsThere()
    // Of itself, generic-pool does not count what is being closed.
    let all = _allObjects.size + creates.count + (this.#isObserving ? 0 : closes.count)
    let opening = creates.forWaiters
    while (all < max && opening < acquires.queued && events.mayOpen()) {
      creates.openForWaiter()
      opening++
      all++
    }
  }

  #partsThere(): Parts {
    if (this.#parts === undefined) throw new Error('the port is not attached')
    return this.#parts
  }

  counts(): HostCounts {
    return {
      used: this.#seats.count('lent') + this.#seats.count('asked'),
      withdrawn: this.#seats.count('withdrawn'),
      idle: this.#seats.idle.length,
      opening: this.#parts?.creates.count ?? 0,
      closing: this.#parts?.closes.count ?? 0,
      pending: this.#parts?.acquires.pending ?? 0,
    }
  }

  idle(): readonly Resource[] {
    return this.#seats.idleResources()
  }

  lent(): readonly Resource[] {
    return this.#seats.all('lent').map(({ resource }) => resource)
  }

  waiters(): readonly Waiter[] {
    return this.#parts?.acquires.waiters() ?? []
  }

  postponeDeadlines(millis: number): void {
    this.#parts?.acquires.postponeDeadlines(millis)
  }

  configure(policy: PoolPolicy): void {
    this.#policy = policy
    this.#isObserving = policy.mode === 'observe'
    const inForce = this.#isObserving && !this.#hasDeadline ? { ...policy, ...WITHOUT_DEADLINES } : policy
    this.#parts?.hostRules.configure(policy)
    this.#parts?.acquires.configure(inForce)
    this.#parts?.releases.configure(inForce)
    this.#parts?.creates.configure(inForce.connectTimeoutMillis)
  }

  async validate(resource: Resource): Promise<ValidationAnswer> {
    const { validateRole, validationQuery } = this.#policy
    if (validateRole !== 'writable') return this.#known.validate(resource, validationQuery)
    return (await this.#known.isWritable?.(resource)) === true ? undefined : 'wrongRole'
  }

  transactionStatus(resource: Resource): TransactionStatus | undefined {
    // What is closed anyway is not cleaned before.
    if (this.#seats.get(resource)?.isUnwanted === true) return undefined
    return this.#known.transactionStatus?.(resource)
  }

  async restoreSession(resource: Resource, how: 'rollback' | 'reset'): Promise<void> {
    await (how === 'reset' ? this.#known.reset?.(resource) : this.#known.rollback?.(resource))
  }

  isBroken(resource: Resource): boolean {
    return this.#known.isBroken(resource)
  }

  harmOf(error: unknown): Harm {
    return this.#known.harmOf(error)
  }

  isBusy(resource: Resource): boolean | undefined {
    return this.#known.isBusy?.(resource)
  }

  refusalOf(error: unknown): ConnectRefusal | undefined {
    return this.#known.refusalOf(error)
  }

  open(): Opening<Resource> {
    return this.#partsThere().creates.open()
  }

  abandonOpenings(before: number): void {
    this.#parts?.creates.abandon(before)
  }

  withdraw(resource: Resource): boolean {
    const seat = this.#seats.get(resource)
    if (seat?.place !== 'idle' || !isIn(this.#seats.idle, seat)) return false
    this.#seats.idle.remove(seat)
    seat.place = 'withdrawn'
    return true
  }

  restore(resource: Resource): void {
    const seat = this.#seats.get(resource)
    if (seat?.place === 'withdrawn') this.#parts?.releases.putIdle(seat)
  }

  exchange(silent: Resource, proven: Resource): void {
    this.#parts?.acquires.exchange(silent, proven)
  }

  close(resource: Resource, hard: boolean): Promise<void> {
    return this.#parts?.closes.close(resource, hard) ?? Promise.resolve()
  }

  wake(): void {
    this.#parts?.acquires.serve()
  }

  rejectWaiters(error: Error): number {
    return this.#parts?.acquires.rejectWaiters(error) ?? 0
  }

  rejectWaiter(origin: Origin, error: Error): boolean {
    return this.#parts?.acquires.rejectWaiter(origin, error) ?? false
  }

  detach(): void {
    this.#parts?.creates.detach()
    this.#overrides.undo()
    this.#parts?.hostRules.detach()
    this.#parts?.acquires.detach()
    this.#parts?.releases.detach()
    this.#seats.release()
    this.#pool._dispense()
  }

  /** Something else that has to be undone with the attachment. */
  onDetach(undo: () => void): void {
    this.#overrides.onUndo(undo)
  }
}
