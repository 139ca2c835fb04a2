import process from 'node:process'
import type { HostClient } from '../host/redis-client.ts'

/** Why a lane goes that nothing is wrong with. */
export type LaneEnd = 'host' | 'idle' | 'maxLifetime'

/** So many commands had been sent at that moment. */
interface Mark {
  readonly sent: number
  readonly at: number
}

/**
 * One connection that callers share: their commands go out one behind the other, and are answered in that order.
 *
 * Nothing is paid for a command but a count. When the oldest of them went out is known from marks that are set now
 * and then, and that the server is there from whether it said anything since the last look.
 */
export class Lane {
  readonly client: HostClient
  readonly openedAt: number
  /** Its share of the spread of lifetimes. */
  readonly draw: number
  /** When it was last found at rest. */
  restedAt: number
  /** Commands that went out on it. */
  sent = 0
  /** Pieces of answers that came in. */
  heard = 0
  /** Since somebody used it last, it has not been found at rest. */
  isActive = false
  /** Our own check is under way on it. */
  isProbing = false
  /** It has been silent for longer than is usual, with commands in flight: nothing more is sent until it speaks. */
  isSuspect = false
  /** What the server said has settled that it goes. */
  isCondemned = false
  /** It takes nothing more, and goes when the last command is answered. */
  isLeaving = false
  /** It was given up: its end is told by its socket. */
  isEnding = false
  goesFor: LaneEnd = 'host'
  killedFor: Error | undefined
  readonly #marks: Mark[] = []
  #isGathering = false
  #lookedAt: number
  #heardThen = 0
  #silentSince: number

  constructor(client: HostClient, now: number, draw: number) {
    this.client = client
    this.openedAt = now
    this.restedAt = now
    this.draw = draw
    this.#lookedAt = now
    this.#silentSince = now
  }

  /** Commands that wait for their answers, a check of ours not counted. */
  get inFlight(): number {
    const { length } = this.client.commandQueue
    return this.isProbing && length > 0 ? length - 1 : length
  }

  /** May be given commands. */
  get isUsable(): boolean {
    return !this.isSuspect && !this.isLeaving && !this.isEnding
  }

  /**
   * What is sent until the end of this turn goes out in one write: a write is a call of the system, and costs more than
   * all that ioredis does for a command.
   */
  gather(): void {
    if (this.#isGathering) return
    this.#isGathering = true
    this.client.stream.cork()
    process.nextTick(this.#send)
  }

  readonly #send = (): void => {
    this.#isGathering = false
    this.client.stream.uncork()
  }

  /** It has said something since the last look. */
  get hasSpoken(): boolean {
    return this.heard !== this.#heardThen
  }

  /** Somebody uses it after a rest, in which nobody looked: its silence begins now. */
  activate(now: number): void {
    this.isActive = true
    this.#silentSince = now
  }

  /** A look at it, now and then while it is active; whether it said anything since the last one. */
  look(now: number): boolean {
    const { hasSpoken } = this
    if (hasSpoken || this.inFlight === 0) this.#silentSince = now
    this.#heardThen = this.heard
    this.#lookedAt = now
    const answered = this.sent - this.client.commandQueue.length
    while (this.#marks[0] !== undefined && this.#marks[0].sent <= answered) this.#marks.shift()
    if (this.sent > answered && this.#marks.at(-1)?.sent !== this.sent) this.#marks.push({ sent: this.sent, at: now })
    return hasSpoken
  }

  /** How long it has said nothing while commands wait, as of the last look. */
  get silentMillis(): number {
    return this.inFlight === 0 ? 0 : this.#lookedAt - this.#silentSince
  }

  /** How long the oldest command has waited at least, as of the last look. */
  get owedMillis(): number {
    const [oldest] = this.#marks
    return oldest === undefined ? 0 : this.#lookedAt - oldest.at
  }

  /** This process did not run for so long: it is not held against the server. */
  postpone(millis: number): void {
    this.#silentSince += millis
    for (const [index, { sent, at }] of this.#marks.entries()) this.#marks[index] = { sent, at: at + millis }
  }
}
