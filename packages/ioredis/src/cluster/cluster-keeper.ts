import {
  allDrained,
  allStats,
  type DrainOptions,
  type DrainReport,
  type GroupHost,
  KeeperGroup,
  type PauseOptions,
  type PoolKeeper,
  type PoolPolicyOptions,
  type PoolStats,
  type ReadyOptions,
  SharedKeeper,
} from '@poolkeeper/core'
import type { Lane } from '../lanes/lane.ts'
import type { ClusterNode } from './cluster-node.ts'

export type ClusterRole = 'primary' | 'replica'

/** What attends one node of a Cluster. */
export interface ClusterNodeKeeper extends PoolKeeper {
  /** As the Cluster sees it now. */
  readonly role: ClusterRole
}

/** What attends a Cluster: every operation is carried out on all of its nodes. */
export interface ClusterKeeper extends PoolKeeper {
  /** What attends each node, by its `host:port`. */
  readonly nodes: ReadonlyMap<string, ClusterNodeKeeper>
  /** The figures of the nodes that have a role now. */
  statsOf(role: ClusterRole): PoolStats
}

/** One node is attended as any shared pool is, and says its role. */
export class NodeKeeper extends SharedKeeper<Lane> implements ClusterNodeKeeper {
  readonly #node: ClusterNode
  readonly #isReplica: () => boolean

  constructor(node: ClusterNode, isReplica: () => boolean, ...keeping: NodeKeeping) {
    super(node, ...keeping)
    this.#node = node
    this.#isReplica = isReplica
  }

  get role(): ClusterRole {
    return this.#isReplica() ? 'replica' : 'primary'
  }

  // With nothing in its place.
  override evictIdle(): Promise<number> {
    return Promise.resolve(this.#node.evictIdle())
  }

  override pause(options?: PauseOptions): void {
    this.#node.hold(true)
    super.pause(options)
  }

  override resume(): void {
    super.resume()
    this.#node.hold(false)
  }
}

type NodeKeeping = ConstructorParameters<typeof SharedKeeper<Lane>> extends [unknown, ...infer Rest] ? Rest : never

/** What the whole of a Cluster does, beside its nodes. */
export interface WholeCluster extends GroupHost {
  /** Connects one that was not connected yet. */
  connected(): Promise<void>
  /** Commands are refused with this error from now on. */
  refuse(error: () => Error): void
  /** Answers those that are nowhere at the moment, on their way to be sent again; how many. Then it disconnects. */
  disconnect(): Promise<number>
  drainingError(): Error
}

/** All nodes as one, those that come later included. */
export class ClusterGroup extends KeeperGroup<NodeKeeper> implements ClusterKeeper {
  readonly #whole: WholeCluster
  #drained: Promise<DrainReport> | undefined

  constructor(options: PoolPolicyOptions, whole: WholeCluster) {
    super(options, whole)
    this.#whole = whole
  }

  statsOf(role: ClusterRole): PoolStats {
    const keepers = [...this.nodes.values()].filter((keeper) => keeper.role === role)
    return allStats(this.name, keepers.map((keeper) => keeper.stats()))
  }

  override async ready(options?: ReadyOptions): Promise<void> {
    await this.#whole.connected()
    await super.ready(options)
  }

  override drain(options: DrainOptions = {}): Promise<DrainReport> {
    this.#drained ??= this.#drain(options)
    return this.#drained
  }

  async #drain(options: DrainOptions): Promise<DrainReport> {
    this.#whole.refuse(() => this.#whole.drainingError())
    const report = allDrained(await Promise.all([...this.nodes.values()].map((keeper) => keeper.drain(options))))
    return { ...report, rejectedWaiters: report.rejectedWaiters + (await this.#whole.disconnect()) }
  }
}
