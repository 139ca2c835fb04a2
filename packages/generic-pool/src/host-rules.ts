import { Overrides, type PoolPolicy } from '@poolkeeper/core'
import { hasDefaultEvictor, type GenericPool, type PoolConfig, type Resource } from './generic-pool.ts'
import { askFactory } from './resource-driver.ts'

/**
 * What generic-pool sees to itself while a policy only observes: its limit for those who wait, its test
 * of what it lends, and its sweep of what lies idle. A sweep by a rule of the user's own goes on always.
 */
export class HostRules {
  readonly #pool: GenericPool
  readonly #config: Overrides<PoolConfig>
  readonly #own: Pick<PoolConfig, 'maxWaitingClients'>
  readonly #hasOwnSweep: boolean
  readonly #schedule: GenericPool['_scheduleEvictorRun']
  #areInForce = false

  constructor(pool: GenericPool, overrides: Overrides<GenericPool>) {
    this.#pool = pool
    this.#own = { ...pool._config }
    this.#config = new Overrides(pool._config)
    this.#hasOwnSweep = !hasDefaultEvictor(pool)
    this.#schedule = pool._scheduleEvictorRun
    for (const option of ['max', 'min', 'acquireTimeoutMillis', 'maxWaitingClients'] as const) {
      this.#config.set(option, pool._config[option])
    }
    overrides.set('_scheduleEvictorRun', () => {
      if (this.#mayEvict) this.#schedule.call(pool)
    })
  }

  get #mayEvict(): boolean {
    return this.#areInForce || this.#hasOwnSweep
  }

  /** Under a policy in force they rest: its own rules have taken generic-pool's options over. */
  configure({ max, min, mode }: PoolPolicy): void {
    const { _config } = this.#pool
    this.#areInForce = mode === 'observe'
    _config.max = max
    _config.min = min
    // All deadlines are kept behind one timer; generic-pool would have one for each caller.
    _config.acquireTimeoutMillis = undefined
    _config.maxWaitingClients = this.#areInForce ? this.#own.maxWaitingClients : undefined
    this.#pool._descheduleEvictorRun()
    if (this.#pool._started) this.#pool._scheduleEvictorRun()
  }

  /** Rejects when generic-pool would not lend it. */
  agrees(resource: Resource): Promise<void> | undefined {
    return this.#areInForce && this.#pool._config.testOnBorrow ? askFactory(this.#pool, resource) : undefined
  }

  /** Once generic-pool's own methods are back. */
  detach(): void {
    this.#config.undo()
    this.#pool._descheduleEvictorRun()
    if (this.#pool._started) this.#pool._scheduleEvictorRun()
  }
}
