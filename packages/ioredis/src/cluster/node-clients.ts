import type { Clock, SharedEvents } from '@poolkeeper/core'
import type { SentCommand } from '../host/redis-client.ts'
import { Lane } from '../lanes/lane.ts'
import { AttendedClient, type ClientEvents } from './attended-client.ts'
import type { NodeClient } from './host-cluster.ts'

/** What becomes of the clients of a node. */
export interface ClientsHooks {
  /** The Cluster is given another client in the place of this one. */
  replace(old: NodeClient, fresh: NodeClient): void
  command(attended: AttendedClient, command: SentCommand, stream: object | undefined): unknown
  connecting(attended: AttendedClient): void
  opened(lane: Lane): void
  failed(lane: Lane, error: unknown): void
  /** It has taken nothing more, and has answered everything. */
  emptied(lane: Lane): void
  closed(lane: Lane): void
}

/** The client that the Cluster has for a node, and those before it that still owe answers. */
export class NodeClients {
  readonly #clock: Clock
  readonly #events: SharedEvents<Lane>
  readonly #hooks: ClientsHooks
  readonly #attended = new Map<NodeClient, AttendedClient>()
  readonly #lanes = new Set<Lane>()
  #current: AttendedClient | undefined
  #latest!: NodeClient
  #whenGone: () => void = () => {}

  constructor(clock: Clock, events: SharedEvents<Lane>, hooks: ClientsHooks) {
    this.#clock = clock
    this.#events = events
    this.#hooks = hooks
  }

  /** The client that the Cluster has now; none when it has given the node up. */
  get current(): AttendedClient | undefined {
    return this.#current
  }

  /** The client that it had last: others are made like it. */
  get latest(): NodeClient {
    return this.#latest
  }

  /** The connections that are open. */
  get lanes(): ReadonlySet<Lane> {
    return this.#lanes
  }

  of(lane: Lane): AttendedClient | undefined {
    return this.#attended.get(lane.client as NodeClient)
  }

  /** The Cluster has this client for the node from now on. */
  begin(client: NodeClient): void {
    this.#current = this.#follow(client)
    this.#latest = client
    this.#current.begin()
  }

  end(): void {
    this.#current = undefined
  }

  /**
   * The Cluster gets this client. It takes what comes from now on, and what the one before has not sent; that one
   * finishes what it has.
   *
   * @param attempt - the number of its connect, where it is connected already
   */
  replace(client: NodeClient, attempt?: number): void {
    const old = this.#current
    if (old === undefined) return
    const fresh = this.#follow(client)
    fresh.attempt = attempt
    this.#current = fresh
    this.#latest = client
    this.#hooks.replace(old.client, client)
    const { lane } = old
    if (lane !== undefined) {
      lane.isSuspect = false
      lane.isLeaving = true
    }
    fresh.begin()
    const { offlineQueue } = old.client
    for (let queued = offlineQueue.shift(); queued !== undefined; queued = offlineQueue.shift()) {
      this.#hooks.command(old, queued.command, queued.stream)
    }
    if (lane === undefined) old.destroy()
    else if (lane.client.commandQueue.length === 0) this.#hooks.emptied(lane)
  }

  counts(): { used: number; idle: number; closing: number; attempts: number; queued: number } {
    const { attempt, client } = this.#current ?? {}
    const counts = { used: 0, idle: 0, closing: 0, attempts: attempt === undefined ? 0 : 1, queued: client?.offlineQueue.length ?? 0 }
    for (const lane of this.#lanes) counts[lane.isEnding ? 'closing' : lane.inFlight > 0 ? 'used' : 'idle']++
    return counts
  }

  /** Whether it was sent, and is not answered. */
  isInFlight(command: SentCommand): boolean {
    return [...this.#lanes].some(({ client }) => client.commandQueue.toArray().some((sent) => sent.command === command))
  }

  /** Resolves when no connection is open, or so much later. */
  async whenClosed(withinMillis: number): Promise<void> {
    if (this.#lanes.size === 0) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        timer.cancel()
        resolve()
      }
      const timer = this.#clock.after(withinMillis, done, true)
      this.#whenGone = () => {
        if (this.#lanes.size === 0) done()
      }
    })
  }

  release(): void {
    for (const attended of this.#attended.values()) attended.release()
  }

  #follow(client: NodeClient): AttendedClient {
    const attended = new AttendedClient(client, this.#clientEvents)
    this.#attended.set(client, attended)
    return attended
  }

  readonly #clientEvents: ClientEvents = {
    command: (attended, command, stream) => this.#hooks.command(attended, command, stream),
    connecting: (attended) => {
      attended.attempt ??= this.#events.opening()
      this.#hooks.connecting(attended)
    },
    ready: (attended) => this.#ready(attended),
    heard: ({ client, lane }) => {
      if (lane === undefined) return
      lane.heard++
      if (lane.isLeaving && client.commandQueue.length === 0) this.#hooks.emptied(lane)
    },
    failed: ({ lane }, error) => {
      if (lane !== undefined) this.#hooks.failed(lane, error)
    },
    closed: (attended, error) => this.#closed(attended, error),
  }

  #ready(attended: AttendedClient): void {
    const attempt = attended.attempt ?? this.#events.opening()
    attended.attempt = undefined
    // It was given up while it connected.
    if (attended !== this.#current) {
      this.#events.openAbandoned(attempt)
      return attended.client.disconnect(false)
    }
    const lane = new Lane(attended.client, this.#clock.now(), Math.random())
    attended.lane = lane
    this.#lanes.add(lane)
    this.#events.opened(attempt, lane)
    this.#hooks.opened(lane)
  }

  #closed(attended: AttendedClient, error: unknown): void {
    const { attempt, client, lane } = attended
    attended.lane = attended.attempt = undefined
    if (attempt !== undefined) this.#events.openFailed(attempt, error)
    const isCurrent = attended === this.#current
    if (!isCurrent) this.#attended.delete(client)
    if (lane === undefined || !this.#lanes.delete(lane)) return
    const isLost = isCurrent && !lane.isEnding
    this.#events.closed(lane, isLost ? 'fatal' : lane.goesFor, lane.killedFor ?? error)
    this.#hooks.closed(lane)
    this.#whenGone()
  }
}
