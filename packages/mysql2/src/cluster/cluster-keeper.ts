import {
  allBuckets,
  allDrained,
  allExplained,
  allHealth,
  allStats,
  checkPolicyOptions,
  PoolkeeperError,
  resolvePolicy,
  type DrainOptions,
  type DrainReport,
  type DurationBuckets,
  type DurationKind,
  type HostSettings,
  type PauseOptions,
  type PoolExplanation,
  type PoolHealth,
  type PoolKeeper,
  type PoolObserver,
  type PoolPolicy,
  type PoolPolicyOptions,
  type PoolStats,
  type ReadyOptions,
  type ResizeOptions,
  type SubscribeOptions,
} from '@poolkeeper/core'
import { MYSQL2_DEFAULTS } from '../host-settings.ts'

/** What attends a `PoolCluster`: every operation is carried out on the pools of all its nodes. */
export interface ClusterKeeper extends PoolKeeper {
  /** What attends the pool of each node, by the node's id. */
  readonly nodes: ReadonlyMap<string, PoolKeeper>
}

/** Whoever subscribed to the cluster, and so to every node of it. */
interface Subscription {
  readonly observer: PoolObserver
  readonly how: SubscribeOptions | undefined
  readonly undos: (() => void)[]
}

/** The pool of one node, attended. */
export interface KeptNode {
  readonly keeper: PoolKeeper
  /** What its own options say. */
  readonly settings: HostSettings
}

const CLUSTER_NAME = 'mysql2 cluster'

/** @throws PoolkeeperError `UNSUPPORTED_HOST`: one history cannot tell of several pools. */
export function refuseOneHistory({ sizing }: PoolPolicyOptions): void {
  if (typeof sizing !== 'object' || !('predictive' in sizing)) return
  throw new PoolkeeperError('UNSUPPORTED_HOST', 'sizing.predictive: the nodes of a PoolCluster would share one history; `adaptive` goes by the load of each')
}

/** One keeper for all, those that come later included. */
export class ClusterGroup implements ClusterKeeper {
  readonly #kept = new Map<string, KeptNode>()
  readonly #isServed: (id: string) => boolean
  readonly #onDetach: () => void
  readonly #onChange: (options: PoolPolicyOptions) => void
  readonly #observers = new Map<symbol, Subscription>()
  #options: PoolPolicyOptions
  #paused: PauseOptions | undefined
  #drained: Promise<DrainReport> | undefined

  constructor(
    options: PoolPolicyOptions,
    isServed: (id: string) => boolean,
    onChange: (options: PoolPolicyOptions) => void,
    onDetach: () => void,
  ) {
    this.#options = options
    this.#isServed = isServed
    this.#onChange = onChange
    this.#onDetach = onDetach
  }

  /** The policy of a node that is added now. */
  get options(): PoolPolicyOptions {
    return this.#options
  }

  add(id: string, node: KeptNode): void {
    this.#kept.set(id, node)
    for (const { observer, how, undos } of this.#observers.values()) undos.push(node.keeper.subscribe(observer, how))
    if (this.#paused !== undefined) node.keeper.pause(this.#paused)
  }

  get nodes(): ReadonlyMap<string, PoolKeeper> {
    return new Map(this.#nodes().map(([id, { keeper }]) => [id, keeper]))
  }

  /** Nodes that the cluster has given up are closing, and nobody's any more. */
  #nodes(): [string, KeptNode][] {
    return [...this.#kept].filter(([id]) => this.#isServed(id))
  }

  #keepers(): PoolKeeper[] {
    return [...this.nodes.values()]
  }

  get name(): string {
    return this.#options.name ?? CLUSTER_NAME
  }

  /** What was resolved for a node that has no options of its own. */
  get policy(): PoolPolicy {
    return resolvePolicy(this.#options, { defaults: { ...MYSQL2_DEFAULTS, name: this.name } })
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
    refuseOneHistory(changes)
    const next = { ...this.#options, ...changes }
    for (const [, { settings }] of this.#nodes()) resolvePolicy(next, settings)
    this.#options = next
    this.#onChange(next)
  }

  health(): PoolHealth {
    return allHealth(new Map([...this.nodes].map(([id, keeper]) => [id, keeper.health()])))
  }

  /** One history would be learnt from several pools: `sizing.predictive` is refused. */
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
    this.#onDetach()
  }
}
