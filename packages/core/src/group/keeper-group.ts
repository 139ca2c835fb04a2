import { type DrainOptions, type DrainReport, type PauseOptions, type PoolKeeper, type ReadyOptions, type ResizeOptions } from '../keeper.ts'
import type { DurationBuckets } from '../duration-histogram.ts'
import type { PoolExplanation } from '../lending/operating/explain.ts'
import type { PoolHealth } from '../lending/operating/health.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import { checkPolicyOptions, resolvePolicy } from '../policy/resolve.ts'
import type { HostSettings, PoolPolicy } from '../policy/values.ts'
import type { PoolObserver, SubscribeOptions } from '../reporter.ts'
import type { DurationKind, PoolStats } from '../stats.ts'
import { allBuckets, allDrained, allExplained, allHealth, allStats } from './views.ts'

/** The pool of one node, attended. */
export interface KeptNode<K extends PoolKeeper> {
  readonly keeper: K
  /** What its own options say. */
  readonly settings: HostSettings
}

/** What a group is told by its host. */
export interface GroupHost {
  /** What holds for a node that has no options of its own; its name is the group's, unless the policy gives one. */
  readonly settings: HostSettings
  /** Whether the host still has this node. */
  isServed(id: string): boolean
  /** Throws for what cannot be had on a group. */
  check(changes: PoolPolicyOptions): void
  /** The policy of all nodes is another one now. */
  changed(options: PoolPolicyOptions): void
  /** After all nodes were detached. */
  detached(): void
}

/** Whoever subscribed to the group, and so to every node of it. */
interface Subscription {
  readonly observer: PoolObserver
  readonly how: SubscribeOptions | undefined
  readonly undos: (() => void)[]
}

/** One keeper for all, those that come later included. */
export class KeeperGroup<K extends PoolKeeper> implements PoolKeeper {
  readonly #kept = new Map<string, KeptNode<K>>()
  readonly #host: GroupHost
  readonly #observers = new Map<symbol, Subscription>()
  #options: PoolPolicyOptions
  #paused: PauseOptions | undefined
  #drained: Promise<DrainReport> | undefined

  constructor(options: PoolPolicyOptions, host: GroupHost) {
    this.#options = options
    this.#host = host
  }

  /** The policy of a node that is added now. */
  get options(): PoolPolicyOptions {
    return this.#options
  }

  add(id: string, node: KeptNode<K>): void {
    this.#kept.set(id, node)
    for (const { observer, how, undos } of this.#observers.values()) undos.push(node.keeper.subscribe(observer, how))
    if (this.#paused !== undefined) node.keeper.pause(this.#paused)
  }

  /** What attends the pool of each node, by the node's id. */
  get nodes(): ReadonlyMap<string, K> {
    return new Map(this.#nodes().map(([id, { keeper }]) => [id, keeper]))
  }

  /** Nodes that the cluster has given up are closing, and nobody's any more. */
  #nodes(): [string, KeptNode<K>][] {
    return [...this.#kept].filter(([id]) => this.#host.isServed(id))
  }

  #keepers(): K[] {
    return [...this.nodes.values()]
  }

  get name(): string {
    return this.#options.name ?? this.#host.settings.defaults.name
  }

  /** What was resolved for a node that has no options of its own. */
  get policy(): PoolPolicy {
    return resolvePolicy(this.#options, this.#host.settings)
  }

  stats(): PoolStats {
    return allStats(this.name, this.#keepers().map((keeper) => keeper.stats()))
  }

  durations(what: DurationKind, boundsMillis: readonly number[]): DurationBuckets {
    return allBuckets(boundsMillis, this.#keepers().map((keeper) => keeper.durations(what, boundsMillis)))
  }

  subscribe(observer: PoolObserver, how?: SubscribeOptions): () => void {
    const undos = this.#keepers().map((keeper) => keeper.subscribe(observer, how))
    const key = Symbol()
    this.#observers.set(key, { observer, how, undos })
    return () => {
      this.#observers.delete(key)
      for (const undo of undos.splice(0)) undo()
    }
  }

  async ready(options: ReadyOptions = {}): Promise<void> {
    await Promise.all(this.#keepers().map((keeper) => keeper.ready(options)))
  }

  async resize(size: ResizeOptions): Promise<void> {
    this.#settle(size)
    await Promise.all(this.#keepers().map((keeper) => keeper.resize(size)))
  }

  async recycle(): Promise<void> {
    await Promise.all(this.#keepers().map((keeper) => keeper.recycle()))
  }

  async evictIdle(): Promise<number> {
    const counts = await Promise.all(this.#keepers().map((keeper) => keeper.evictIdle()))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  pause(options: PauseOptions = {}): void {
    this.#paused = options
    for (const keeper of this.#keepers()) keeper.pause(options)
  }

  resume(): void {
    this.#paused = undefined
    for (const keeper of this.#keepers()) keeper.resume()
  }

  reconfigure(changes: PoolPolicyOptions): void {
    const { name, ...others } = changes
    if (name === undefined || name === this.name) this.#settle(others)
    // A node refuses another name, in the words of every pool.
    for (const keeper of this.#keepers()) keeper.reconfigure(name === this.name ? others : changes)
  }

  /** Refuses what does not fit every node before any of them is touched. */
  #settle(changes: PoolPolicyOptions): void {
    checkPolicyOptions(changes)
    this.#host.check(changes)
    const next = { ...this.#options, ...changes }
    for (const [, { settings }] of this.#nodes()) resolvePolicy(next, settings)
    this.#options = next
    this.#host.changed(next)
  }

  health(): PoolHealth {
    return allHealth(new Map([...this.nodes].map(([id, keeper]) => [id, keeper.health()])))
  }

  /** One history would be learnt from several pools. */
  forecast(): undefined {
    return undefined
  }

  explain(): PoolExplanation {
    return allExplained(this.#keepers().map((keeper) => keeper.explain()))
  }

  drain(options: DrainOptions = {}): Promise<DrainReport> {
    this.#drained ??= Promise.all(this.#keepers().map((keeper) => keeper.drain(options))).then(allDrained)
    return this.#drained
  }

  detach(): void {
    for (const { keeper } of this.#kept.values()) keeper.detach()
    this.#host.detached()
  }
}
