import type { PoolKeeper } from '@poolkeeper/core'
import type { Redis } from 'ioredis'
import type { HostClient } from './host/redis-client.ts'
import type { Leases } from './leases/leases.ts'
import type { LaneNews, Lanes } from './lanes/lanes.ts'

type Status = Redis['status']

/** What a client of ioredis tells on its way from one status to the next. */
const TOLD: Readonly<Partial<Record<Status, readonly string[]>>> = {
  connecting: ['connecting'],
  ready: ['connect', 'ready'],
  reconnecting: ['reconnecting'],
  end: ['end'],
}

interface Emitter {
  emit(event: string, argument?: unknown): boolean
  listenerCount(event: string): number
}

/** Status, events and end of a pool, as those of one client that is connected while one of its lanes is. */
export class PoolLife implements LaneNews {
  readonly #emitter: Emitter
  #lanes!: Lanes
  #keeper!: PoolKeeper
  #leases: Leases | undefined
  #shown: Status = 'wait'
  #isEnding = false
  #isOver = false

  constructor(face: HostClient) {
    this.#emitter = face as unknown as Emitter
  }

  attend(lanes: Lanes, leases: Leases | undefined, keeper: PoolKeeper): void {
    this.#lanes = lanes
    this.#leases = leases
    this.#keeper = keeper
  }

  get status(): Status {
    return this.#isOver ? 'end' : this.#lanes.status
  }

  changed(): void {
    const { status } = this
    if (status === this.#shown) return
    const wasReady = this.#shown === 'ready'
    this.#shown = status
    // As ioredis does: whoever caused it has returned by then.
    const events = [...(wasReady ? ['close'] : []), ...(TOLD[status] ?? [])]
    for (const event of events) process.nextTick(() => this.#emitter.emit(event))
  }

  error(error: unknown): void {
    // Every command that failed by it is told of it as well; without a listener it would end the process.
    if (!this.#isEnding && this.#emitter.listenerCount('error') > 0) this.#emitter.emit('error', error)
  }

  serverLeft(): void {
    this.#leases?.leaveServer()
  }

  /** The pool takes nothing more. */
  ending(): void {
    this.#isEnding = true
    this.#lanes.dispatch.hold(true)
  }

  /** What is in flight is answered first, up to the policy's deadline for it. */
  async quit(): Promise<'OK'> {
    await this.#keeper.drain({ waiters: 'finish' })
    this.#over()
    return 'OK'
  }

  /** At once: what is in flight gets an error. */
  disconnect(): void {
    if (this.#isEnding) return
    this.ending()
    this.#lanes.rejectWaiters(new Error('Connection is closed.'))
    void this.#keeper.drain({ timeoutMillis: 0 }).then(() => this.#over())
  }

  #over(): void {
    this.#isOver = true
    this.changed()
  }
}
