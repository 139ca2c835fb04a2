import {
  allBuckets,
  allDrained,
  allExplained,
  allHealth,
  allStats,
  type DrainOptions,
  type DrainReport,
  type DurationBuckets,
  type DurationKind,
  type PauseOptions,
  PoolkeeperError,
  type PoolExplanation,
  type PoolHealth,
  type PoolKeeper,
  type PoolObserver,
  type PoolPolicy,
  type PoolPolicyOptions,
  type PoolStats,
  type ReadyOptions,
  type ResizeOptions,
  type SharedKeeper,
  type SubscribeOptions,
} from '@poolkeeper/core'
import type { Lane } from './lanes/lane.ts'
import type { Lanes } from './lanes/lanes.ts'
import type { Leases } from './leases/leases.ts'

/** What a keeper of both works with. */
export interface PoolParts {
  readonly lanes: Lanes
  readonly shared: SharedKeeper<Lane>
  readonly leases: Leases | undefined
  policy(): PoolPolicy
  /** Refuses what does not fit before anything is touched, and says what each part is told. */
  settle(changes: PoolPolicyOptions): { readonly lanes: PoolPolicyOptions; readonly leases: PoolPolicyOptions }
  onDrain(): void
}

/** What attends a Redis pool: its lanes and its leases as one. */
export class RedisPoolKeeper implements PoolKeeper {
  readonly #parts: PoolParts
  readonly #keepers: readonly PoolKeeper[]

  constructor(parts: PoolParts) {
    this.#parts = parts
    this.#keepers = parts.leases === undefined ? [parts.shared] : [parts.shared, parts.leases.keeper]
  }

  get name(): string {
    return this.#parts.shared.name
  }

  get policy(): PoolPolicy {
    return this.#parts.policy()
  }

  stats(): PoolStats {
    return allStats(this.name, this.#keepers.map((keeper) => keeper.stats()))
  }

  durations(what: DurationKind, boundsMillis: readonly number[]): DurationBuckets {
    return allBuckets(boundsMillis, this.#keepers.map((keeper) => keeper.durations(what, boundsMillis)))
  }

  subscribe(observer: PoolObserver, options?: SubscribeOptions): () => void {
    const undos = this.#keepers.map((keeper) => keeper.subscribe(observer, options))
    return () => {
      for (const undo of undos) undo()
    }
  }

  async ready(options?: ReadyOptions): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.ready(options)))
  }

  // What is refused is refused as a rejection.
  async resize(size: ResizeOptions): Promise<void> {
    await Promise.resolve(this.reconfigure({ ...size }))
  }

  async recycle(): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.recycle()))
  }

  async evictIdle(): Promise<number> {
    return this.#parts.lanes.evictIdle() + ((await this.#parts.leases?.keeper.evictIdle()) ?? 0)
  }

  pause(options?: PauseOptions): void {
    this.#parts.lanes.dispatch.hold(true)
    for (const keeper of this.#keepers) keeper.pause(options)
  }

  resume(): void {
    for (const keeper of this.#keepers) keeper.resume()
    this.#parts.lanes.dispatch.hold(false)
  }

  reconfigure(changes: PoolPolicyOptions): void {
    const { lanes, leases } = this.#parts.settle(changes)
    this.#parts.shared.reconfigure(lanes)
    this.#parts.leases?.keeper.reconfigure(leases)
    this.#parts.leases?.unlist()
  }

  health(): PoolHealth {
    const names = ['lanes', 'leases']
    return allHealth(new Map(this.#keepers.map((keeper, index) => [names[index] ?? '', keeper.health()])))
  }

  /** Its sizes are its own: `sizing` is refused. */
  forecast(): undefined {
    return undefined
  }

  explain(): PoolExplanation {
    return allExplained(this.#keepers.map((keeper) => keeper.explain()))
  }

  async drain(options?: DrainOptions): Promise<DrainReport> {
    this.#parts.onDrain()
    return allDrained(await Promise.all(this.#keepers.map((keeper) => keeper.drain(options))))
  }

  detach(): void {
    throw new PoolkeeperError('UNSUPPORTED_HOST', 'a pool of createRedisPool() is made with its policy, and cannot be without it')
  }
}
