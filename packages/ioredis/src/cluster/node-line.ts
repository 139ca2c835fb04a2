import type { Clock, SharedEvents, Waiter } from '@poolkeeper/core'
import { isWritable, type SentCommand } from '../host/redis-client.ts'
import type { Lane } from '../lanes/lane.ts'
import type { AttendedClient } from './attended-client.ts'
import { isGivenUp } from '../commands/deadlines.ts'
import { HeldCommands } from './held-commands.ts'
import { connectionClosed, redirect } from './host-cluster.ts'

/** What is there for the commands of a node. */
export interface LineHooks {
  /** The client that the Cluster has now; none when it has given the node up. */
  current(): AttendedClient | undefined
  /** Commands wait, and the connection says nothing. */
  wanted(): void
  /** The connection is used from now on. */
  busy(lane: Lane): void
}

/** The commands of a node: at once to its client where that is known to be alive, else held back until it is. */
export class NodeLine {
  readonly #clock: Clock
  readonly #events: SharedEvents<Lane>
  readonly #hooks: LineHooks
  readonly #held = new HeldCommands()
  #isPaused = false
  #isAsking = false

  constructor(clock: Clock, events: SharedEvents<Lane>, hooks: LineHooks) {
    this.#clock = clock
    this.#events = events
    this.#hooks = hooks
  }

  get count(): number {
    return this.#held.count
  }

  waiters(): readonly Waiter[] {
    return this.#held.all()
  }

  postpone(millis: number): void {
    this.#held.postpone(millis)
  }

  /** Nothing goes out until it is let go again. */
  hold(isPaused: boolean): void {
    this.#isPaused = isPaused
    if (!isPaused) this.serve()
  }

  /** Where every command of the Cluster for this node comes. */
  take(attended: AttendedClient, command: SentCommand, stream: object | undefined): unknown {
    if (isGivenUp(command)) return command.promise
    const current = this.#hooks.current()
    if (current !== undefined && attended !== current) return this.forward(current, command, stream)
    const { lane, client } = attended
    // Its own handshake, or a queue of its own until it is connected; and its farewell.
    if (lane === undefined || client.status !== 'ready' || command.name === 'quit') {
      if (lane !== undefined && command.name === 'quit') lane.isEnding = true
      return attended.send(command, stream)
    }
    if (lane.isActive && !lane.isSuspect && !this.#isPaused && this.#held.count === 0) {
      this.#events.acquired(0)
      lane.sent++
      return attended.send(command, stream)
    }
    return this.#takeAtRest(attended, lane, command, stream)
  }

  /** For who still has a client that was replaced. */
  forward({ client }: AttendedClient, command: SentCommand, stream: object | undefined): unknown {
    redirect(stream, client)
    return client.sendCommand(command, stream)
  }

  /** A command that waits here is not to go out any more; the error to tell, or `undefined` when it does not wait here. */
  withdraw(command: SentCommand): Error | undefined {
    const since = this.#held.take(command)
    if (since === undefined) return undefined
    const waitMillis = this.#clock.now() - since
    const error = this.#events.explainTimeout(waitMillis)
    this.#events.acquireFailed(error, waitMillis, 'timedOut')
    return error
  }

  serve(): void {
    if (this.#held.count === 0) return
    const current = this.#hooks.current()
    // They were sent nowhere: the Cluster finds out who is to have them.
    if (current === undefined) return void this.rejectAll(connectionClosed(), 'failed')
    if (this.#isPaused || this.#isAsking) return
    const { lane, client } = current
    if (lane?.isSuspect === true) return this.#hooks.wanted()
    if (lane !== undefined && client.status === 'ready') {
      const clear = this.#events.clear(this.#held.oldest)
      if (clear !== true) return this.#serveAfter(clear)
    }
    this.#flush(current)
  }

  /** Answers everybody who was not sent; returns how many. */
  rejectAll(error: Error, outcome: 'refused' | 'failed'): number {
    const all = this.#held.takeAll()
    for (const { command, since } of all) {
      this.#events.acquireFailed(error, this.#clock.now() - since, outcome)
      command.reject(error)
    }
    return all.length
  }

  /** Lets everything go as it is. */
  release(): void {
    const current = this.#hooks.current()
    for (const { command, stream } of this.#held.takeAll()) {
      if (current === undefined) command.reject(connectionClosed())
      else this.forward(current, command, stream)
    }
  }

  use(lane: Lane, commands: number): void {
    lane.sent += commands
    if (lane.isActive) return
    lane.isActive = true
    this.#events.busy(lane)
    this.#hooks.busy(lane)
  }

  /** The connection has rested, or is in doubt, or nothing may go out now. */
  #takeAtRest(attended: AttendedClient, lane: Lane, command: SentCommand, stream: object | undefined): unknown {
    const refusal = this.#events.admit()
    if (refusal !== undefined) {
      command.reject(refusal)
      return command.promise
    }
    const isFree = !lane.isSuspect && !lane.isProbing && !this.#isPaused && this.#held.count === 0 && isWritable(lane.client)
    if (isFree && this.#events.clear() === true) {
      this.#events.acquired(0)
      this.use(lane, 1)
      return attended.send(command, stream)
    }
    this.#held.add(command, stream, this.#clock.now())
    this.serve()
    return command.promise
  }

  #serveAfter(clear: Promise<void>): void {
    this.#isAsking = true
    void clear.then(() => {
      this.#isAsking = false
      this.serve()
    })
  }

  #flush(current: AttendedClient): void {
    const held = this.#held.takeAll()
    const now = this.#clock.now()
    if (current.lane !== undefined) this.use(current.lane, held.length)
    for (const { command, stream, since } of held) {
      this.#events.acquired(now - since)
      redirect(stream, current.client)
      current.send(command, stream)
    }
  }
}
