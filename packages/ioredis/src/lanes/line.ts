import { type Clock, type SharedEvents, type Waiter, Waiting, WaitingList } from '@poolkeeper/core'
import type { SentCommand } from '../host/redis-client.ts'
import type { Lane } from './lane.ts'

/** One command, or the commands of one pipeline, that cannot go out yet. */
export abstract class Job extends Waiting {
  abstract readonly commands: readonly SentCommand[]
  /** Whether it is in the client's hands. */
  isSent = false

  abstract send(lane: Lane): void
  /** It was never sent: answers everything in it. */
  abstract fail(error: Error): void
}

type Outcome = 'timedOut' | 'refused' | 'failed'
type LineEvents = Pick<SharedEvents<Lane>, 'acquired' | 'acquireFailed' | 'explainTimeout' | 'wantsContext'>

/**
 * Those who wait for a lane, the oldest first, each with one deadline: who was sent late has to have his answer by the
 * same moment, and stays in the list until he has it.
 */
export class Line {
  readonly #clock: Clock
  readonly #events: LineEvents
  readonly #list: WaitingList<Job>
  readonly #unsent = new Set<Job>()

  constructor(clock: Clock, events: LineEvents, timeoutMillis: number) {
    this.#clock = clock
    this.#events = events
    this.#list = new WaitingList(clock, (job) => this.#timeOut(job))
    this.#list.configure(timeoutMillis)
  }

  /** Those who were not sent yet. */
  get count(): number {
    return this.#unsent.size
  }

  /** Since when the oldest of them waits. */
  get oldest(): number {
    for (const { since } of this.#unsent) return since ?? Infinity
    return Infinity
  }

  all(): readonly Waiter[] {
    return this.#list.all().filter(({ isSent }) => !isSent)
  }

  configure(timeoutMillis: number): void {
    this.#list.configure(timeoutMillis)
  }

  add(job: Job): void {
    if (this.#events.wantsContext) job.rememberContext()
    this.#unsent.add(job)
    this.#list.add(job)
  }

  /** Sends everybody on the lane that he is given; who gets none stays, and all behind him. */
  flush(pick: (commands: number) => Lane | undefined): void {
    for (const job of this.#unsent) {
      const lane = pick(job.commands.length)
      if (lane === undefined) return
      this.#send(job, lane)
    }
  }

  /** Answers everybody who was not sent; returns how many. */
  rejectAll(error: Error, outcome: 'refused' | 'failed'): number {
    const all = [...this.#unsent]
    for (const job of all) this.#refuse(job, error, outcome)
    return all.length
  }

  postpone(millis: number): void {
    this.#list.postpone(millis)
  }

  #send(job: Job, lane: Lane): void {
    this.#unsent.delete(job)
    job.isSent = true
    job.sent(this.#events, job.waitedMillis(this.#clock.now()))
    job.send(lane)
    void Promise.allSettled(job.commands.map(({ promise }) => promise)).then(() => this.#list.take(job))
  }

  #timeOut(job: Job): void {
    const error = this.#events.explainTimeout(job.waitedMillis(this.#clock.now()))
    if (!job.isSent) return this.#refuse(job, error, 'timedOut')
    this.#list.take(job)
    for (const command of job.commands) command.reject(error)
  }

  #refuse(job: Job, error: Error, outcome: Outcome): void {
    if (!this.#unsent.delete(job)) return
    this.#list.take(job)
    job.fail(error)
    job.failed(this.#events, error, job.waitedMillis(this.#clock.now()), outcome)
  }
}
