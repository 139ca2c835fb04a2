import type { PauseOptions, ReadyOptions } from '../keeper.ts'
import { invalidPolicy } from '../policy/bounds.ts'
import { FIELDS } from '../policy/fields.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import type { PoolPolicy } from '../policy/values.ts'
import { Changes } from './changes.ts'
import type { SharedContext } from './context.ts'
import type { SharedUpkeep } from './upkeep.ts'

/** What an operator asks of a shared pool while it runs. */
export class SharedOperations<C extends object> {
  readonly #context: SharedContext<C>
  readonly #upkeep: SharedUpkeep<C>
  readonly #resolve: ((changes: PoolPolicyOptions) => PoolPolicy) | undefined
  readonly #pending = new Changes()
  /** All that was changed since the start. */
  #changes: PoolPolicyOptions = {}
  #released = false

  constructor(
    context: SharedContext<C>,
    upkeep: SharedUpkeep<C>,
    resolve: ((changes: PoolPolicyOptions) => PoolPolicy) | undefined,
  ) {
    this.#context = context
    this.#upkeep = upkeep
    this.#resolve = resolve
  }

  /** Told of every connection that was opened, came to rest or is gone. */
  changed(): void {
    this.#pending.tell()
  }

  /** The keeper is detached: nobody waits for anything more. */
  release(): void {
    this.#released = true
  }

  async ready({ timeoutMillis = this.#context.policy.acquireTimeoutMillis }: ReadyOptions): Promise<void> {
    FIELDS.acquireTimeoutMillis('timeoutMillis', timeoutMillis)
    const { clock, policy, port } = this.#context
    if (this.#context.draining) throw this.#context.drainingError()
    this.#context.keepsMinimum = policy.min > 0
    this.#upkeep.wake()
    let timer: { cancel(): void } | undefined
    const late = new Promise<'late'>((resolve) => (timer = clock.after(timeoutMillis, () => resolve('late'), true)))
    try {
      const outcome = await Promise.race([port.open(policy.min), late])
      if (outcome !== 'late') return
    } catch (error) {
      this.#context.lastOpenError ??= error
    } finally {
      timer?.cancel()
    }
    throw this.#context.error('CONNECT_FAILED', `was not ready within ${timeoutMillis} ms`)
  }

  async evictIdle(): Promise<number> {
    const { policy, port } = this.#context
    const idle = port.connections().filter((connection) => port.isIdle(connection))
    const spare = idle.slice(0, Math.max(0, port.connections().length - policy.min))
    for (const connection of spare) this.#context.condemn(this.#context.factsOf(connection), 'idle')
    await this.#retire(spare)
    return spare.length
  }

  async recycle(): Promise<void> {
    const { port, reporter } = this.#context
    const old = [...port.connections()]
    if (reporter.hears('recycled')) reporter.emit('recycled', { connections: old.length })
    for (const connection of old) this.#context.condemn(this.#context.factsOf(connection), 'recycle')
    await this.#retire(old)
  }

  async #retire(connections: readonly C[]): Promise<void> {
    const { ledger, port } = this.#context
    port.retire(connections)
    await this.until(() => !connections.some((connection) => ledger.get(connection) !== undefined))
  }

  pause({ waiters = 'wait' }: PauseOptions): void {
    const { port, reporter } = this.#context
    this.#context.paused = waiters
    if (waiters === 'fail') port.rejectWaiters(this.#context.pausedError())
    if (reporter.hears('paused')) reporter.emit('paused', { waiters })
  }

  resume(): void {
    const { paused, port, reporter } = this.#context
    if (paused === false) return
    this.#context.paused = false
    this.#context.changed()
    port.wake()
    if (reporter.hears('resumed')) reporter.emit('resumed', {})
  }

  reconfigure(changes: PoolPolicyOptions): void {
    const { policy, port } = this.#context
    if (this.#resolve === undefined) throw this.#context.unsupported(`${port.host} cannot be reconfigured while it runs`)
    if (changes.name !== undefined && changes.name !== policy.name) {
      throw invalidPolicy('name', 'the same while the pool runs', changes.name)
    }
    const changed = this.#resolve({ ...this.#changes, ...changes })
    this.#changes = { ...this.#changes, ...changes }
    this.#context.use(changed)
    if (changed.sources.min === 'policy') this.#context.keepsMinimum = changed.min > 0
    port.configure(changed)
    this.#upkeep.wake()
  }

  /** Nobody waits for what a pool cannot come to that is being closed, or is not ours any more. */
  until(holds: () => boolean): Promise<void> {
    return this.#pending.until(holds, () => this.#released || this.#context.draining)
  }
}
