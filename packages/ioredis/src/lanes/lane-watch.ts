import type { Clock, PoolPolicy, Timer } from '@poolkeeper/core'
import type { Lane } from './lane.ts'

const SHORTEST_PERIOD_MILLIS = 20
const LONGEST_PERIOD_MILLIS = 100
/** This process did not run: no lane is blamed for it. */
const STOPPED_AFTER_MILLIS = 1_000

/** What a look at the lanes finds. */
export interface LaneFindings {
  lanes(): Iterable<Lane>
  /** Commands are in flight, and it says nothing. */
  suspected(lane: Lane): void
  /** It has spoken again. */
  cleared(lane: Lane): void
  /** A command on it has waited for its whole deadline. */
  overdue(lane: Lane, owedMillis: number): void
  /** It was used, and the server answered. */
  active(lane: Lane): void
  /** Nobody has used it for a while. */
  rested(lane: Lane): void
  /** All were looked at. */
  looked(): void
}

/** Looks at the lanes now and then, while somebody uses them: in place of a timer for each command. */
export class LaneWatch {
  readonly #clock: Clock
  readonly #findings: LaneFindings
  policy: PoolPolicy
  #timer: Timer | undefined
  #isStopped = false

  constructor(clock: Clock, policy: PoolPolicy, findings: LaneFindings) {
    this.#clock = clock
    this.policy = policy
    this.#findings = findings
  }

  wake(): void {
    if (this.#timer !== undefined || this.#isStopped) return
    const period = this.#period()
    const dueAt = this.#clock.now() + period
    this.#timer = this.#clock.after(period, () => {
      this.#clock.afterInput(() => {
        this.#timer = undefined
        this.#look(this.#clock.now() - dueAt)
      })
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #period(): number {
    const { acquireTimeoutMillis, validateAfterIdleMillis, validationTimeoutMillis } = this.policy
    const deadlines = Math.min(acquireTimeoutMillis, validationTimeoutMillis) / 10
    // The second look after the last answer finds a lane at rest: within the window after which it has to prove itself.
    const wish = validateAfterIdleMillis === false ? deadlines : Math.min(deadlines, validateAfterIdleMillis / 2)
    return Math.max(SHORTEST_PERIOD_MILLIS, Math.min(LONGEST_PERIOD_MILLIS, wish))
  }

  #look(lateMillis: number): void {
    if (this.#isStopped) return
    const now = this.#clock.now()
    let isNeeded = false
    for (const lane of [...this.#findings.lanes()]) {
      if (lateMillis >= STOPPED_AFTER_MILLIS) lane.postpone(lateMillis)
      if (this.#judge(lane, lane.look(now))) isNeeded = true
    }
    this.#findings.looked()
    if (isNeeded) this.wake()
  }

  /** Whether it is to be looked at again. */
  #judge(lane: Lane, hasSpoken: boolean): boolean {
    const { acquireTimeoutMillis, validationTimeoutMillis } = this.policy
    if (hasSpoken) this.#findings.active(lane)
    if (hasSpoken && lane.isSuspect) {
      lane.isSuspect = false
      this.#findings.cleared(lane)
    }
    if (lane.inFlight === 0) return this.#judgeResting(lane, hasSpoken)
    if (lane.owedMillis >= acquireTimeoutMillis) this.#findings.overdue(lane, lane.owedMillis)
    else if (lane.isUsable && lane.silentMillis >= validationTimeoutMillis / 2) {
      lane.isSuspect = true
      this.#findings.suspected(lane)
    }
    return true
  }

  #judgeResting(lane: Lane, hasSpoken: boolean): boolean {
    if (hasSpoken || !lane.isActive) return lane.isActive
    lane.isActive = false
    lane.restedAt = this.#clock.now()
    this.#findings.rested(lane)
    return false
  }
}
