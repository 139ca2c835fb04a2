import type { Timer } from '../../clock.ts'
import type { ResizeReason } from '../../events.ts'
import type { PolicySource, PoolPolicy } from '../../policy/values.ts'
import type { PoolSize } from '../../sizing/options.ts'
import { Schedule } from '../../sizing/schedule.ts'
import type { LendingContext } from '../context.ts'

/** The wall clock may be set, and a suspended process hears of no time at all. */
const LOOK_AT_LEAST_EVERY_MILLIS = 60_000

/** What puts a size into force. */
export interface Resizer {
  settle(policy: PoolPolicy, reason: ResizeReason): void
}

/**
 * Puts into force what `sizing` says: at the moments of a schedule, by a timer of its own, since an
 * empty pool has no rounds.
 */
export class Sizer<C extends object> {
  readonly #context: LendingContext<C>
  readonly #resizer: Resizer
  #schedule: Schedule | undefined
  /** What it said last; a `resize()` by hand holds until it says something else. */
  #said: PoolSize | undefined
  /** As the policy says, whatever a small size leaves of it. */
  #minIdle: number | false = false
  #timer: Timer | undefined
  #isStopped = false

  constructor(context: LendingContext<C>, resizer: Resizer) {
    this.#context = context
    this.#resizer = resizer
  }

  /** The pool begins, or has another policy. */
  start(): void {
    const { minIdle, sizing } = this.#context.declared
    this.#minIdle = minIdle
    this.#schedule = sizing === false ? undefined : new Schedule(sizing)
    this.#said = undefined
    this.#timer?.cancel()
    this.#look()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #look(): void {
    if (this.#schedule === undefined || this.#isStopped) return
    const now = this.#context.clock.wallNow()
    const { size, changesAt } = this.#schedule.sizeAt(now)
    if (size !== undefined && !isSame(size, this.#said)) this.#apply(size, 'schedule')
    const millis = Math.min(Math.ceil(changesAt - now), LOOK_AT_LEAST_EVERY_MILLIS)
    this.#timer = this.#context.clock.after(millis, () => this.#look())
  }

  #apply(size: PoolSize, reason: ResizeReason): void {
    const { declared, observer } = this.#context
    this.#said = size
    if (observer !== undefined) observer.resized(size, reason)
    else if (!isSame(size, declared)) this.#resizer.settle(sized(declared, size, this.#minIdle), reason)
  }
}

function isSame(one: PoolSize, other: PoolSize | undefined): boolean {
  return one.min === other?.min && one.max === other.max
}

/** Somebody named these sizes: they are really kept. */
function sized(policy: PoolPolicy, { min, max }: PoolSize, minIdle: number | false): PoolPolicy {
  const source: PolicySource = 'policy'
  const sources = Object.freeze({ ...policy.sources, min: source, max: source })
  return Object.freeze({ ...policy, min, max, minIdle: minIdle && Math.min(minIdle, max), sources })
}
