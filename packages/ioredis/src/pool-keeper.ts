import {
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
} from '@poolkeeper/core'
import type { Lane } from './lanes/lane.ts'
import type { Lanes } from './lanes/lanes.ts'

/** What attends a Redis pool. */
export class RedisPoolKeeper implements PoolKeeper {
  readonly #lanes: Lanes
  readonly #keeper: SharedKeeper<Lane>
  readonly #policyOf: () => PoolPolicy
  readonly #onDrain: () => void

  constructor(lanes: Lanes, keeper: SharedKeeper<Lane>, policyOf: () => PoolPolicy, onDrain: () => void) {
    this.#lanes = lanes
    this.#keeper = keeper
    this.#policyOf = policyOf
    this.#onDrain = onDrain
  }

  get name(): string {
    return this.#keeper.name
  }

  get policy(): PoolPolicy {
    return this.#policyOf()
  }

  stats(): PoolStats {
    return { ...this.#keeper.stats(), max: this.policy.max }
  }

  durations(what: DurationKind, boundsMillis: readonly number[]): DurationBuckets {
    return this.#keeper.durations(what, boundsMillis)
  }

  subscribe(observer: PoolObserver): () => void {
    return this.#keeper.subscribe(observer)
  }

  ready(options?: ReadyOptions): Promise<void> {
    return this.#keeper.ready(options)
  }

  // What is refused is refused as a rejection.
  async resize(size: ResizeOptions): Promise<void> {
    await Promise.resolve(this.#keeper.reconfigure({ ...size }))
  }

  recycle(): Promise<void> {
    return this.#keeper.recycle()
  }

  evictIdle(): Promise<number> {
    return Promise.resolve(this.#lanes.evictIdle())
  }

  pause(options?: PauseOptions): void {
    this.#lanes.dispatch.hold(true)
    this.#keeper.pause(options)
  }

  resume(): void {
    this.#keeper.resume()
    this.#lanes.dispatch.hold(false)
  }

  reconfigure(changes: PoolPolicyOptions): void {
    this.#keeper.reconfigure(changes)
  }

  health(): PoolHealth {
    return this.#keeper.health()
  }

  explain(): PoolExplanation {
    return this.#keeper.explain()
  }

  drain(options?: DrainOptions): Promise<DrainReport> {
    this.#onDrain()
    return this.#keeper.drain(options)
  }

  detach(): void {
    throw new PoolkeeperError('UNSUPPORTED_HOST', 'a pool of createRedisPool() is made with its policy, and cannot be without it')
  }
}
