import type { Clock, PoolCounts, PoolPolicy, SharedEvents, SharedPort, ValidationAnswer, Waiter } from '@poolkeeper/core'
import { redisDriver } from '@poolkeeper/drivers'
import type { HostClient, SentCommand } from '../host/redis-client.ts'
import type { Lane, LaneEnd } from '../lanes/lane.ts'
import { LaneWatch } from '../lanes/lane-watch.ts'
import { Opener } from '../lanes/opener.ts'
import { Renewal } from '../lanes/renewal.ts'
import type { AttendedClient } from './attended-client.ts'
import type { NodeClient } from './host-cluster.ts'
import { mayBlock, mayWait } from '../commands/patience.ts'
import { NodeClients } from './node-clients.ts'
import { NodeLine } from './node-line.ts'

/** A connect that is silent for so long gets a rival. */
const PATIENCE_MILLIS = 500
/** A server that says so to every connection is not connected to more often than that. */
const LEAST_LIFE_MILLIS = 1_000
/** A farewell that is not answered by then is not waited for. */
const LAST_CLOSES_MILLIS = 1_000

/** What a node needs of its cluster. */
export interface NodeSurroundings {
  readonly clock: Clock
  /** A client for the same node that is not connected yet. */
  clientLike(client: NodeClient): NodeClient
  /** The Cluster is given another client in the place of this one. */
  replace(old: NodeClient, fresh: NodeClient): void
  /** Who serves what may have changed, or this node cannot be reached. */
  troubled(): void
  /** All of the Cluster is being closed: it disconnects its nodes itself, when the last of them has come so far. */
  isEnding(): boolean
}

/**
 * One node of a Cluster, as a shared pool of one connection. The Cluster gives its commands to a client of the node, and
 * knows nothing of us: commands to that client are held back while it is asked, and the client itself is exchanged.
 */
export class ClusterNode implements SharedPort<Lane> {
  readonly host = 'ioredis Cluster'
  readonly #around: NodeSurroundings
  readonly #clock: Clock
  readonly #opener: Opener
  readonly #renewal: Renewal
  readonly #watch: LaneWatch
  #clients!: NodeClients
  #line!: NodeLine
  #events!: SharedEvents<Lane>
  #policy: PoolPolicy
  #isOver = false

  constructor(policy: PoolPolicy, around: NodeSurroundings) {
    this.#policy = policy
    this.#around = around
    this.#clock = around.clock
    this.#opener = new Opener(() => this.#made(), this.#clock, policy, () => this.isTroubled, {
      opening: () => this.#events.opening(),
      credentials: (refused) => this.#events.credentials(refused),
      mayOpen: () => true,
      opened: (attempt, client) => this.#arrived(attempt, client),
      openFailed: (attempt, error) => this.#events.openFailed(attempt, error),
      openAbandoned: (attempt) => this.#events.openAbandoned(attempt),
      // The Cluster hears it from its own client.
      gaveUp: () => {},
    })
    this.#renewal = new Renewal(this.#clock, this.#opener, (lane, end) => this.#leave(lane, end))
    this.#watch = new LaneWatch(this.#clock, policy, {
      lanes: () => this.#clients.lanes,
      suspected: (lane) => this.#suspected(lane),
      cleared: () => this.#line.serve(),
      overdue: (lane) => this.#overdue(lane),
      active: (lane) => this.#events.answered(lane),
      rested: (lane) => this.#events.rested(lane),
      looked: () => this.#dropLost(),
    })
  }

  attach(events: SharedEvents<Lane>): void {
    this.#events = events
    this.#line = new NodeLine(this.#clock, events, {
      current: () => this.#clients.current,
      wanted: () => this.#opener.want(),
      busy: () => this.#watch.wake(),
    })
    this.#clients = new NodeClients(this.#clock, events, {
      replace: (old, fresh) => this.#around.replace(old, fresh),
      command: (attended, command, stream) => this.#line.take(attended, command, stream),
      connecting: (attended) => this.#connecting(attended),
      opened: (lane) => this.#opened(lane),
      failed: (lane, error) => this.#failed(lane, error),
      emptied: (lane) => this.#end(lane),
      closed: (lane) => this.#renewal.forget(lane),
    })
  }

  /** The Cluster has this client for the node from now on. */
  attend(client: NodeClient): void {
    this.#clients.begin(client)
  }

  /** The Cluster has given the node up, or is about to give it another client. */
  gone(): void {
    const { current } = this.#clients
    const isSilent = current?.client.status !== 'ready' || current.lane?.isSuspect === true
    this.#clients.end()
    this.#opener.forgo(new Error('the cluster has this node no more'))
    // A farewell that nobody hears would keep those waiting that have commands on it.
    if (isSilent) current?.destroy()
    queueMicrotask(() => this.#line.serve())
  }

  /** Commands wait, and it is not known whether the node is there. */
  get isTroubled(): boolean {
    const { current } = this.#clients
    if (current === undefined || this.#isOver) return false
    const { lane, client } = current
    return lane === undefined ? this.#line.count + client.offlineQueue.length > 0 : lane.isSuspect
  }

  hold(isHeld: boolean): void {
    this.#line.hold(isHeld)
  }

  withdraw(command: SentCommand): Error | undefined {
    return this.#line.withdraw(command)
  }

  isInFlight(command: SentCommand): boolean {
    return this.#clients.isInFlight(command)
  }

  #made(): NodeClient {
    return this.#around.clientLike(this.#clients.latest)
  }

  #connecting(attended: AttendedClient): void {
    this.#clock.after(PATIENCE_MILLIS, () => {
      if (attended !== this.#clients.current || !this.isTroubled) return
      this.#opener.want()
      this.#around.troubled()
    })
  }

  #opened(lane: Lane): void {
    this.#renewal.plan(lane, this.#policy)
    if (lane.inFlight > 0) this.#line.use(lane, 0)
    this.#line.serve()
  }

  /** A connection of ours has come: the newest takes over. */
  #arrived(attempt: number, client: HostClient): void {
    if (this.#clients.current !== undefined && !this.#isOver) return this.#clients.replace(client as NodeClient, attempt)
    this.#events.openAbandoned(attempt)
    redisDriver.destroy(client)
  }

  /** What the server says of itself, or of this connection, on one of its connections. */
  #failed(lane: Lane, error: unknown): void {
    const judged = redisDriver.harmOf(error)
    const harm = this.#policy.retireOn?.(error, judged) ?? judged
    if (harm === 'statement') return
    this.#events.failed(lane, error, harm)
    if (harm === 'server') this.#around.troubled()
    const restMillis = Math.max(0, lane.openedAt + LEAST_LIFE_MILLIS - this.#clock.now())
    this.#clock.after(restMillis, () => {
      if (lane === this.#clients.current?.lane) this.#renewal.replace([lane], 'host')
    })
  }

  /** Silent for longer than is usual: another connection is tried, and nothing is sent on this one. Slowness is not death. */
  #suspected(lane: Lane): void {
    if (lane !== this.#clients.current?.lane || mayWait(lane)) {
      lane.isSuspect = false
      return
    }
    this.#opener.want()
    this.#around.troubled()
  }

  /** Of those that were replaced, the ones that owe what the server must have answered before it answered their successor. */
  #dropLost(): void {
    for (const lane of [...this.#clients.lanes]) {
      const isSilent = lane.isLeaving && lane.silentMillis >= this.#policy.validationTimeoutMillis
      if (isSilent && !mayWait(lane)) this.#destroy(lane, new Error('no answer, while the server answered others that asked later'))
    }
  }

  #overdue(lane: Lane): void {
    if (this.#policy.sources.acquireTimeoutMillis === 'default' || mayBlock(lane)) return
    this.kill(lane, new Error(`no answer within ${this.#policy.acquireTimeoutMillis} ms`))
  }

  #leave(lane: Lane, end: LaneEnd): void {
    lane.goesFor = end
    if (lane === this.#clients.current?.lane) this.#renewLazily()
  }

  /** The Cluster gets a client that connects with the next command. */
  #renewLazily(): void {
    if (this.#clients.current !== undefined) this.#clients.replace(this.#made())
  }

  #end(lane: Lane): void {
    if (lane.isEnding) return
    lane.isEnding = true
    lane.client.disconnect(false)
  }

  #destroy(lane: Lane, error: Error): void {
    this.#events.failed(lane, error, 'connection')
    lane.killedFor = error
    redisDriver.destroy(lane.client)
  }

  counts(): Omit<PoolCounts, 'validating'> {
    const { attempts, queued, ...counts } = this.#clients.counts()
    return { ...counts, opening: this.#opener.count + attempts, pending: this.#line.count + queued }
  }

  connections(): readonly Lane[] {
    return [...this.#clients.lanes].filter(({ isEnding }) => !isEnding)
  }

  isIdle(lane: Lane): boolean {
    return lane.isUsable && lane.inFlight === 0 && lane.client.status === 'ready'
  }

  waiters(): readonly Waiter[] {
    return this.#line.waiters()
  }

  postponeDeadlines(millis: number): void {
    this.#line.postpone(millis)
  }

  configure(policy: PoolPolicy): void {
    this.#policy = policy
    this.#opener.policy = policy
    this.#watch.policy = policy
    for (const lane of this.#clients.lanes) if (!lane.isLeaving) this.#renewal.plan(lane, policy)
  }

  async probe(lane: Lane): Promise<ValidationAnswer> {
    lane.isProbing = true
    lane.sent++
    try {
      await redisDriver.validate(this.#clients.of(lane)?.direct ?? lane.client, this.#policy.validationQuery)
    } finally {
      lane.isProbing = false
    }
  }

  knock(): { readonly answer: Promise<void>; abandon(): void } {
    if (this.#clients.current === undefined) return { answer: new Promise(() => {}), abandon() {} }
    const attempt = this.#opener.open()
    return { answer: attempt.done, abandon: () => attempt.abandon(new Error('the connection has answered meanwhile')) }
  }

  /** What is in flight on it is sent again by the Cluster, as whenever a connection is lost. */
  kill(lane: Lane, error: Error): void {
    if (lane === this.#clients.current?.lane) {
      this.#renewLazily()
      this.#around.troubled()
    }
    this.#destroy(lane, error)
  }

  retire(lanes: readonly Lane[]): void {
    this.#renewal.replace(lanes.filter(({ isLeaving }) => !isLeaving), 'host')
  }

  /** Closes its connection if nobody uses it; the next command connects. */
  evictIdle(): number {
    const lane = this.#clients.current?.lane
    if (lane === undefined || !this.isIdle(lane) || lane.isProbing || this.#policy.min > 0) return 0
    this.#leave(lane, 'idle')
    return 1
  }

  async open(count: number): Promise<void> {
    if (count > 0) await this.#clients.current?.connected()
  }

  wake(): void {
    this.#line.serve()
  }

  rejectWaiters(error: Error): number {
    return this.#line.rejectAll(error, 'refused')
  }

  async close(): Promise<void> {
    this.#stop()
    if (!this.#around.isEnding()) await this.finish()
  }

  /** Closes what is open, in bounded time. */
  async finish(): Promise<void> {
    for (const lane of [...this.#clients.lanes]) this.#end(lane)
    await this.#clients.whenClosed(LAST_CLOSES_MILLIS)
    for (const { client } of this.#clients.lanes) redisDriver.destroy(client)
  }

  /** What was replaced goes when it has answered what it owes, as its server sees to it. */
  detach(): void {
    this.#stop()
    this.#clients.release()
    this.#line.release()
    for (const lane of this.#clients.lanes) if (lane !== this.#clients.current?.lane && !lane.isEnding) sayFarewell(lane)
  }

  #stop(): void {
    this.#isOver = true
    this.#renewal.stop()
    this.#watch.stop()
    this.#opener.stop(new Error('the node is attended no more'))
  }
}

function sayFarewell({ client }: Lane): void {
  client.call('quit', [], () => {})
}
