import {
  Overrides,
  type Clock,
  type ConnectRefusal,
  type Harm,
  type HostCounts,
  type LendingEvents,
  type LendingPort,
  type Opening,
  type Origin,
  type PoolPolicy,
  type TransactionStatus,
  type ValidationAnswer,
  type Waiter,
} from '@poolkeeper/core'
import type { Driver } from '@poolkeeper/drivers'
import { PgAcquires } from './acquires.ts'
import { PgCloses } from './closes.ts'
import { PgCreates } from './creates.ts'
import { connectedClients, removeFrom, tell, type IdleItem, type PendingItem, type PgPool, type PoolClient } from './pg-pool.ts'
import { PgReleases } from './releases.ts'
import { Seats, type Place, type Seat, type SeatEvents } from './seats.ts'

/** pg-pool itself has none, unless its user says so; this is the longest that a timer can hold. */
const WITHOUT_DEADLINES = { acquireTimeoutMillis: 2_147_483_647, connectTimeoutMillis: 2_147_483_647 } as const

/** Everything that works on one pool while it is attended. */
interface Parts {
  readonly events: LendingEvents<PoolClient>
  readonly acquires: PgAcquires
  readonly releases: PgReleases
  readonly creates: PgCreates
  readonly closes: PgCloses
}

/**
 * The port for a pool of pg: answers what the keeper asks, and does what it decides, on pg-pool's
 * own lists.
 */
export class PgPoolPort implements LendingPort<PoolClient> {
  readonly host = 'pg-pool'
  readonly replaceable = true
  readonly #pool: PgPool
  readonly #driver: Driver<PoolClient>
  readonly #clock: Clock
  readonly #overrides: Overrides<PgPool>
  readonly #options: Overrides<PgPool['options']>
  readonly #seats: Seats
  readonly #idle: IdleItem[]
  /** What the user himself said of deadlines. */
  readonly #own: Pick<PgPool['options'], 'connectionTimeoutMillis' | 'maxLifetimeSeconds'>
  #policy: PoolPolicy
  #parts: Parts | undefined
  #isEnding = false
  /** The policy only observes: pg-pool goes by its own rules. */
  #isObserving = false

  constructor(pool: PgPool, driver: Driver<PoolClient>, policy: PoolPolicy, clock: Clock) {
    this.#pool = pool
    this.#driver = driver
    this.#clock = clock
    this.#policy = policy
    this.#overrides = new Overrides(pool)
    this.#options = new Overrides(pool.options)
    this.#seats = new Seats(pool, driver, this.#seatEvents)
    this.#idle = pool._idle
    this.#own = { ...pool.options }
  }

  /** Takes over pg-pool's decisions: from here on the keeper is told and asked. */
  attach(events: LendingEvents<PoolClient>): void {
    const pool = this.#pool
    const overrides = this.#overrides
    const serve = (): void => acquires.serve()
    const closes = new PgCloses(pool, this.#driver, events, this.#clock, this.#seats, serve)
    const close = (client: PoolClient, hard = false): Promise<void> => closes.close(client, hard)
    const creates = new PgCreates(pool, this.#driver, events, this.#clock, {
      enter: (item, isHeld) => this.#enter(item, isHeld ? 'withdrawn' : 'idle'),
      failOldest: (error) => acquires.failOldest(error, creates.forWaiters),
      serve,
    })
    const acquires: PgAcquires = new PgAcquires(pool, overrides, this.#seats, events, this.#clock, {
      close,
      open: () => this.#openForWaiters(),
    })
    const releases = new PgReleases(pool, overrides, this.#driver, events, this.#clock, this.#seats, { close, serve })
    this.#parts = { events, acquires, releases, creates, closes }
    this.#takeOver(this.#parts)
    this.#adopt()
    this.configure(this.#policy)
  }

  #takeOver({ creates }: Parts): void {
    const pool = this.#pool
    const remove = pool._remove
    this.#overrides.set('_pulseQueue', () => this.#pulse())
    this.#overrides.set('_acquireClient', (client, waiter, idleListener, isNew) => {
      const item = { client, idleListener }
      if (!creates.connected(item, waiter)) this.#connectedBefore(item, waiter, isNew)
    })
    this.#overrides.set('_remove', (client, callback) => {
      if (this.#seats.get(client) === undefined) remove.call(pool, client, callback)
      else void this.close(client, false).then(callback)
    })
    // An error of an idle client is an event of the pool, which would end the process without a listener.
    const nobody = (): void => {}
    pool.on('error', nobody)
    this.#overrides.onUndo(() => pool.removeListener('error', nobody))
    // All deadlines are kept behind one timer; pg-pool would have one for each caller.
    for (const option of ['max', 'min', 'connectionTimeoutMillis', 'maxLifetimeSeconds'] as const) {
      this.#options.set(option, this.#pool.options[option])
    }
  }

  /** Clients from before our time are listened to, and closed, like all others. */
  #adopt(): void {
    const { _idle, _clients } = this.#pool
    const connected = connectedClients(this.#pool)
    for (const item of _idle.splice(0)) this.#adoptAs(item, 'idle')
    const others = connected.filter((client) => _clients.includes(client) && this.#seats.get(client) === undefined)
    // pg-pool's listener for it is known to its holder's release function alone, and comes with that.
    for (const client of others) this.#adoptAs({ client, idleListener: () => {} }, 'lent')
  }

  #adoptAs(item: IdleItem, place: Place): void {
    this.#enter(item, place)
    this.#parts?.events.adopted(item.client, place === 'lent')
  }

  #enter(item: IdleItem, place: Place): void {
    const seat = this.#seats.adopt(item, place)
    if (place === 'idle') this.#seats.toIdle(seat)
  }

  readonly #seatEvents: SeatEvents = {
    answered: (seat) => {
      this.#parts?.events.answered(seat.client)
      this.#parts?.releases.answered(seat)
    },
    failed: (seat, error) => {
      seat.lastError = error
      // Of a check, or of an idle client: who asked, or its death, will say more.
      if (seat.place === 'lent') this.#parts?.events.failed(seat.client, error, this.#driver.harmOf(error))
    },
    died: (seat, error) => this.#died(seat, error),
    asked: ({ client }, text) => this.#parts?.events.asked(client, text),
  }

  #died(seat: Seat, error: unknown): void {
    const { client, place } = seat
    const isOurs = this.#seats.get(client) === seat
    this.#parts?.events.died(client, error)
    // While the policy only observes, pg-pool's own listener does what it always did.
    if (!isOurs || this.#isObserving) return
    if (place === 'lent') this.#parts?.releases.takeBack(seat)
    else {
      if (error instanceof Error) Object.assign(error, { client })
      tell(this.#pool, 'error', error, client)
    }
  }

  /** pg-pool's own words for "see what there is to do". */
  #pulse(): void {
    if (this.#pool.ending) void this.#end()
    else this.#parts?.acquires.serve()
  }

  async #end(): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    const pool = this.#pool
    await this.#parts?.events.shutdown()
    // pg-pool waits for clients in use without limit; the keeper has waited long enough.
    for (const { client } of this.#seats.all('lent')) void this.close(client, true)
    pool.ended = true
    pool._endCallback?.()
  }

  /** What pg-pool began before our time. */
  #connectedBefore(item: IdleItem, waiter: PendingItem, isNew: boolean): void {
    // Its own timer for a lifetime, which pretends to be a caller.
    if (!isNew) {
      void this.close(item.client, false)
      return
    }
    tell(this.#pool, 'connect', item.client)
    this.#adoptAs(item, 'idle')
    this.#parts?.acquires.putFirst(waiter)
    this.#parts?.acquires.serve()
  }

  #openForWaiters(): void {
    const { _clients, _pendingQueue } = this.#pool
    // Most often: everything is open, and in use.
    if (_clients.length >= this.#policy.max) return
    const { creates, closes, events } = this.#partsThere()
    // Of itself, pg-pool does not count what is being closed.
    let sockets = _clients.length + creates.unborn + (this.#isObserving ? 0 : closes.count)
    let opening = creates.forWaiters
    while (sockets < this.#policy.max && opening < _pendingQueue.length && events.mayOpen()) {
      creates.openForWaiter()
      opening++
      sockets++
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
      idle: this.#pool._idle.length,
      opening: this.#parts?.creates.count ?? 0,
      closing: this.#parts?.closes.count ?? 0,
      pending: this.#parts?.acquires.pending ?? 0,
    }
  }

  idle(): readonly PoolClient[] {
    return this.#pool._idle.map(({ client }) => client)
  }

  lent(): readonly PoolClient[] {
    return this.#seats.all('lent').map(({ client }) => client)
  }

  waiters(): readonly Waiter[] {
    return this.#parts?.acquires.waiters() ?? []
  }

  postponeDeadlines(millis: number): void {
    this.#parts?.acquires.postponeDeadlines(millis)
  }

  configure(policy: PoolPolicy): void {
    const isObserving = policy.mode === 'observe'
    const { options } = this.#pool
    this.#policy = policy
    this.#isObserving = isObserving
    options.max = policy.max
    options.min = policy.min
    options.connectionTimeoutMillis = 0
    options.maxLifetimeSeconds = isObserving ? (this.#own.maxLifetimeSeconds ?? 0) : 0
    const inForce = isObserving && !this.#own.connectionTimeoutMillis ? { ...policy, ...WITHOUT_DEADLINES } : policy
    this.#parts?.acquires.configure(inForce)
    this.#parts?.releases.configure(inForce)
    this.#parts?.creates.configure(inForce.connectTimeoutMillis)
    this.#seats.follow(this.#parts?.events.wantsStatements === true)
    if (isObserving) this.#seats.idleToHost()
    else this.#seats.idleFromHost()
  }

  async validate(client: PoolClient): Promise<ValidationAnswer> {
    const { validateRole, validationQuery } = this.#policy
    if (validateRole !== 'writable') return this.#driver.validate(client, validationQuery)
    return (await this.#driver.isWritable?.(client)) === true ? undefined : 'wrongRole'
  }

  transactionStatus(client: PoolClient): TransactionStatus | undefined {
    // What is closed anyway is not cleaned before.
    if (this.#seats.get(client)?.isUnwanted === true) return undefined
    return this.#driver.transactionStatus?.(client)
  }

  async restoreSession(client: PoolClient, how: 'rollback' | 'reset'): Promise<void> {
    await (how === 'reset' ? this.#driver.reset?.(client) : this.#driver.rollback?.(client))
  }

  isBroken(client: PoolClient): boolean {
    return client._queryable === false || client._ending === true || this.#driver.isBroken(client)
  }

  harmOf(error: unknown): Harm {
    return this.#driver.harmOf(error)
  }

  isBusy(client: PoolClient): boolean | undefined {
    return this.#driver.isBusy?.(client)
  }

  refusalOf(error: unknown): ConnectRefusal | undefined {
    return this.#driver.refusalOf(error)
  }

  open(): Opening<PoolClient> {
    return this.#partsThere().creates.open()
  }

  abandonOpenings(before: number): void {
    this.#parts?.creates.abandon(before)
  }

  withdraw(client: PoolClient): boolean {
    const item = removeFrom(this.#idle, (one) => one.client === client)
    if (item === undefined) return false
    this.#seats.of(item).place = 'withdrawn'
    return true
  }

  restore(client: PoolClient): void {
    const seat = this.#seats.get(client)
    if (seat?.place === 'withdrawn') this.#parts?.releases.putIdle(seat)
  }

  exchange(silent: PoolClient, proven: PoolClient): void {
    this.#parts?.acquires.exchange(silent, proven)
  }

  close(client: PoolClient, hard: boolean): Promise<void> {
    return this.#parts?.closes.close(client, hard) ?? Promise.resolve()
  }

  wake(): void {
    this.#pulse()
  }

  rejectWaiters(error: Error): number {
    return this.#parts?.acquires.rejectWaiters(error) ?? 0
  }

  rejectWaiter(origin: Origin, error: Error): boolean {
    return this.#parts?.acquires.rejectWaiter(origin, error) ?? false
  }

  detach(): void {
    const onTheirWay = this.#parts?.creates.forWaiters ?? 0
    this.#parts?.creates.detach()
    this.#overrides.undo()
    this.#options.undo()
    this.#parts?.releases.detach()
    for (const seat of this.#seats.all('withdrawn')) {
      seat.place = 'idle'
      this.#idle.push(seat)
    }
    this.#seats.release()
    // pg-pool serves one caller a call, and does not know for whom it is connecting already.
    const left = this.#pool._pendingQueue.length - onTheirWay
    for (let waiter = 0; waiter < left; waiter++) this.#pool._pulseQueue()
  }

  /** Something else that has to be undone with the attachment. */
  onDetach(undo: () => void): void {
    this.#overrides.onUndo(undo)
  }
}
