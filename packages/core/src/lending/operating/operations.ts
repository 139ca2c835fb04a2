import { PoolkeeperError } from '../../errors.ts'
import type { ResizeReason } from '../../events.ts'
import type { PauseOptions, ReadyOptions, ResizeOptions } from '../../keeper.ts'
import { FIELDS } from '../../policy/fields.ts'
import { invalidPolicy } from '../../policy/bounds.ts'
import type { PoolPolicyOptions } from '../../policy/options.ts'
import { keepsMinimum, type PoolPolicy } from '../../policy/values.ts'
import { drainingError, observingError, pausedError } from '../acquire-errors.ts'
import type { LendingContext } from '../context.ts'
import type { Upkeep } from '../upkeep/upkeep.ts'

/** What an operator asks of a pool while it runs. */
export class Operations<C extends object> {
  readonly #context: LendingContext<C>
  readonly #upkeep: Upkeep<C>
  readonly #resolve: ((changes: PoolPolicyOptions) => PoolPolicy) | undefined
  /** All that was changed since the start. */
  #changes: PoolPolicyOptions = {}
  #released = false
  /** What `sizing` makes of a policy. */
  sized: (policy: PoolPolicy) => PoolPolicy = (policy) => policy

  constructor(
    context: LendingContext<C>,
    upkeep: Upkeep<C>,
    resolve: ((changes: PoolPolicyOptions) => PoolPolicy) | undefined,
  ) {
    this.#context = context
    this.#resolve = resolve
    this.#upkeep = upkeep
  }

  async ready({ timeoutMillis = this.#context.policy.acquireTimeoutMillis }: ReadyOptions): Promise<void> {
    FIELDS.acquireTimeoutMillis('timeoutMillis', timeoutMillis)
    if (this.#context.observer !== undefined) return
    this.#upkeep.keepsMinimum = true
    this.#upkeep.soon()
    if (await this.#until(() => this.#isReady(), timeoutMillis)) return
    const { lastOpenError, policy } = this.#context
    if (this.#context.draining) throw drainingError(this.#context)
    throw new PoolkeeperError('CONNECT_FAILED', `pool "${policy.name}" was not ready within ${timeoutMillis} ms`, {
      pool: policy.name,
      counts: this.#context.counts(),
      cause: lastOpenError,
    })
  }

  #isReady(): boolean {
    if (this.#context.observer !== undefined) return true
    const { idle, used } = this.#context.counts()
    const { min, minIdle } = this.#context.policy
    return idle + used >= min && idle >= (minIdle || 0)
  }

  resize(size: ResizeOptions): void {
    const { observer, policy, reporter } = this.#context
    if (observer !== undefined) throw observingError(this.#context, 'resize()')
    const { min = policy.min, max = policy.max } = size
    FIELDS.min('min', min)
    FIELDS.max('max', max)
    if (min > max) throw invalidPolicy('min', `at most \`max\` (${max})`, min)
    const minIdle = policy.minIdle === false ? false : Math.min(policy.minIdle, max)
    const given: PoolPolicyOptions = {
      ...(size.min !== undefined && { min }),
      ...(size.max !== undefined && { max }),
      ...(minIdle !== policy.minIdle && { minIdle }),
    }
    const sources = { ...policy.sources }
    for (const field of ['min', 'max'] as const) if (size[field] !== undefined) sources[field] = 'policy'
    this.#use(Object.freeze({ ...policy, min, max, minIdle, sources: Object.freeze(sources) }), given)
    if (reporter.hears('resized')) reporter.emit('resized', { min, max, reason: 'asked' })
  }

  /** What `sizing` says: in force until it says otherwise, and no wish of the user's that `reconfigure()` would keep. */
  settle(policy: PoolPolicy, reason: ResizeReason, kept: number = policy.max): void {
    const { port, reporter } = this.#context
    const { min, max } = policy
    this.#context.use(policy)
    port.configure(this.#context.policy)
    this.#context.surplus = 'shrink'
    this.#shrink(kept)
    port.wake()
    this.#upkeep.soon()
    if (reporter.hears('resized')) reporter.emit('resized', { min, max, reason })
  }

  /** Judges what exists by other values from now on. */
  reconfigure(changes: PoolPolicyOptions): void {
    const { policy, port } = this.#context
    if (this.#resolve === undefined) {
      throw new PoolkeeperError('UNSUPPORTED_HOST', `${port.host} cannot be reconfigured while it runs`)
    }
    if (changes.name !== undefined && changes.name !== policy.name) {
      throw invalidPolicy('name', 'the same while the pool runs', changes.name)
    }
    this.#use(this.sized(this.#resolve({ ...this.#changes, ...changes })), changes)
  }

  #use(policy: PoolPolicy, changes: PoolPolicyOptions): void {
    this.#changes = { ...this.#changes, ...changes }
    this.#context.use(policy)
    this.#context.port.configure(this.#context.policy)
    if (this.#context.observer === undefined) this.#adjust()
    else this.#endReplacing()
    this.#context.port.wake()
    this.#upkeep.soon()
  }

  #adjust(): void {
    if (keepsMinimum(this.#context.policy)) this.#upkeep.keepsMinimum = true
    this.#context.surplus = 'shrink'
    this.#shrink(this.#context.policy.max)
  }

  /** Nothing is replaced any more: who waits for that is answered. */
  #endReplacing(): void {
    this.#context.surplus = undefined
    this.#context.situation.recycleBefore = -Infinity
    this.#context.changed()
  }

  pause({ waiters = 'wait' }: PauseOptions): void {
    const { port, reporter } = this.#context
    this.#context.paused = waiters
    if (waiters === 'fail') port.rejectWaiters(pausedError(this.#context))
    if (reporter.hears('paused')) reporter.emit('paused', { waiters })
  }

  resume(): void {
    const { paused, port, reporter } = this.#context
    if (paused === false) return
    this.#context.paused = false
    port.wake()
    if (reporter.hears('resumed')) reporter.emit('resumed', {})
  }

  /** Idle connections above so many go now, the coldest first; above `max`, those in use when they come back. */
  #shrink(kept: number): void {
    const { port } = this.#context
    const { idle, used, validating } = this.#context.counts()
    const surplus = Math.max(0, idle + used + validating - kept)
    for (const connection of [...port.idle()].slice(0, surplus)) void this.#context.discard(connection, 'shrink', false)
  }

  async recycle(): Promise<void> {
    const { clock, observer, port, reporter, situation } = this.#context
    if (observer !== undefined) throw observingError(this.#context, 'recycle()')
    if (!port.replaceable) {
      throw new PoolkeeperError('UNSUPPORTED_HOST', `the connections of ${port.host} on this database cannot be replaced`)
    }
    if (reporter.hears('recycled')) {
      reporter.emit('recycled', { connections: port.idle().length + port.lent().length })
    }
    situation.recycleBefore = clock.now()
    this.#upkeep.soon()
    await this.#until(() => !this.#upkeep.recycling() && port.counts().closing === 0, Infinity)
    situation.recycleBefore = -Infinity
  }

  async evictIdle(): Promise<number> {
    const { policy, port } = this.#context
    const { idle, used, validating } = this.#context.counts()
    const spare = port.replaceable ? Math.max(0, idle + used + validating - policy.min) : 0
    const closes = [...port.idle()].slice(0, spare).map((connection) => this.#context.discard(connection, 'idle', false))
    await Promise.all(closes)
    return closes.length
  }

  /** Ends what still waits: the pool is not ours any more. */
  release(): void {
    this.#released = true
    this.#context.changed()
  }

  #isOver(): boolean {
    return this.#released || this.#context.draining !== false
  }

  #until(isDone: () => boolean, timeoutMillis: number): Promise<boolean> {
    const { clock, watchers } = this.#context
    if (isDone() || this.#isOver()) return Promise.resolve(isDone())
    return new Promise((resolve) => {
      const end = (done: boolean): void => {
        watchers.delete(check)
        timer?.cancel()
        resolve(done)
      }
      const check = (): void => {
        if (isDone() || this.#isOver()) end(isDone())
      }
      const timer = timeoutMillis === Infinity ? undefined : clock.after(timeoutMillis, () => end(false), true)
      watchers.add(check)
    })
  }
}
