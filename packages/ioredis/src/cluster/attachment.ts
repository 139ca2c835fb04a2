import {
  forgetKeeper,
  type KeeperDependencies,
  Overrides,
  PoolkeeperError,
  type PoolPolicy,
  type PoolPolicyOptions,
  registerKeeper,
  resolvePolicy,
  systemClock,
  type Timer,
} from '@poolkeeper/core'
import type { SentCommand } from '../host/redis-client.ts'
import { connectionLost } from '../lanes/errors.ts'
import { ClusterGroup, NodeKeeper } from './cluster-keeper.ts'
import { ClusterNode, type NodeSurroundings } from './cluster-node.ts'
import { checkClusterPolicy, clusterSettings } from './cluster-settings.ts'
import { Deadlines, isGivenUp } from '../commands/deadlines.ts'
import { clientLike, clientOf, type HostCluster, isReplica, type NodeClient, nodeKeys, replaceClient } from './host-cluster.ts'
import { isBlocking } from '../commands/patience.ts'

/** While a node cannot be reached, or says that it is not the one, the Cluster asks so often who is. */
const REFRESH_EVERY_MILLIS = 500

/** Puts keepers in charge of the nodes of a Cluster, those that it gets included. */
export class ClusterAttachment {
  readonly group: ClusterGroup
  readonly #cluster: HostCluster
  readonly #clock: NodeSurroundings['clock']
  readonly #dependencies: KeeperDependencies
  readonly #nodes = new Map<string, ClusterNode>()
  readonly #overrides: Overrides<HostCluster>
  readonly #poolOverrides: Overrides<HostCluster['connectionPool']>
  readonly #deadlines: Deadlines
  #refresh: Timer | undefined
  #refusal: (() => Error) | undefined
  #isDetached = false

  /** @throws PoolkeeperError `INVALID_POLICY`, `UNSUPPORTED_HOST`, before anything is touched */
  constructor(cluster: HostCluster, options: PoolPolicyOptions, dependencies: KeeperDependencies) {
    checkClusterPolicy(options)
    const settings = clusterSettings(cluster)
    resolvePolicy(options, settings)
    this.#cluster = cluster
    this.#dependencies = dependencies
    this.#clock = dependencies.clock ?? systemClock
    this.#overrides = new Overrides(cluster)
    this.#poolOverrides = new Overrides(cluster.connectionPool)
    this.group = new ClusterGroup(options, {
      settings,
      isServed: (id) => clientOf(cluster, id) !== undefined,
      check: checkClusterPolicy,
      changed: (next) => this.#changed(next),
      detached: () => this.#detached(),
      connected: async () => {
        if (cluster.status === 'wait') await cluster.connect()
      },
      refuse: (error) => void (this.#refusal = error),
      disconnect: () => this.#disconnect(),
      drainingError: () => this.#drainingError(),
    })
    this.#deadlines = new Deadlines(this.#clock, this.#policy.acquireTimeoutMillis, (command) => this.#expired(command))
    this.#begin(options)
  }

  get #policy(): PoolPolicy {
    return this.group.policy
  }

  #begin(options: PoolPolicyOptions): void {
    const { connectionPool } = this.#cluster
    const { sendCommand } = this.#cluster
    const { removeNode } = connectionPool
    this.#overrides.set('sendCommand', (command, stream, node) => {
      if (isGivenUp(command)) return command.promise
      if (this.#refusal !== undefined) return this.#refuse(command, this.#refusal())
      this.#deadlines.add(command)
      return sendCommand.call(this.#cluster, command, stream, node)
    })
    this.#poolOverrides.set('removeNode', (key) => {
      removeNode.call(connectionPool, key)
      this.#nodes.get(key)?.gone()
    })
    const onNode = (client: NodeClient, key: string): void => this.#attend(key, client)
    connectionPool.on('+node', onNode)
    this.#poolOverrides.onUndo(() => connectionPool.removeListener('+node', onNode))
    for (const key of nodeKeys(this.#cluster)) {
      const client = clientOf(this.#cluster, key)
      if (client !== undefined) this.#attend(key, client)
    }
    registerKeeper(this.#cluster, this.group, options)
  }

  #refuse(command: SentCommand, error: Error): unknown {
    command.reject(error)
    return command.promise
  }

  #attend(key: string, client: NodeClient): void {
    const known = this.#nodes.get(key)
    if (known !== undefined) return known.attend(client)
    const settings = clusterSettings(this.#cluster)
    const name = `${this.group.name} ${key}`.slice(0, 200)
    const resolve = (changes: PoolPolicyOptions): PoolPolicy => {
      checkClusterPolicy(changes)
      return resolvePolicy({ ...this.group.options, ...changes, name }, settings)
    }
    const policy = resolve({})
    const node = new ClusterNode(policy, this.#surroundings(key))
    const keeper = new NodeKeeper(node, () => isReplica(this.#cluster, key), policy, { ...this.#dependencies, resolve })
    this.#nodes.set(key, node)
    node.attach(keeper)
    this.group.add(key, { keeper, settings })
    node.attend(client)
    keeper.start()
  }

  #surroundings(key: string): NodeSurroundings {
    return {
      clock: this.#clock,
      clientLike: (client) => clientLike(this.#cluster, client),
      replace: (old, fresh) => replaceClient(this.#cluster, key, old, fresh),
      troubled: () => this.#troubled(),
      isEnding: () => this.#refusal !== undefined,
    }
  }

  /** At once, and again as long as it lasts. */
  #troubled(): void {
    if (this.#refresh !== undefined || this.#isDetached || this.#cluster.status !== 'ready') return
    this.#cluster.refreshSlotsCache()
    this.#refresh = this.#clock.after(REFRESH_EVERY_MILLIS, () => {
      this.#refresh = undefined
      if ([...this.#nodes.values()].some(({ isTroubled }) => isTroubled)) this.#troubled()
    })
  }

  /** A command has waited for its whole time. */
  #expired(command: SentCommand): Error | undefined {
    const { acquireTimeoutMillis, name, sources } = this.#policy
    const nodes = [...this.#nodes.values()]
    for (const node of nodes) {
      const error = node.withdraw(command)
      if (error !== undefined) return error
    }
    const isInFlight = nodes.some((node) => node.isInFlight(command))
    // Nobody asked for a deadline: a server that works for so long is the caller's matter, as ever.
    if (isInFlight && (isBlocking(command) || sources.acquireTimeoutMillis === 'default')) return undefined
    return connectionLost(name, `gave no answer within ${acquireTimeoutMillis} ms`)
  }

  #drainingError(): Error {
    return new PoolkeeperError('DRAINING', `pool "${this.group.name}" is being drained`, { pool: this.group.name })
  }

  async #disconnect(): Promise<number> {
    const rejected = this.#deadlines.giveUpAll(this.#drainingError())
    this.#cluster.disconnect()
    await Promise.all([...this.#nodes.values()].map((node) => node.finish()))
    return rejected
  }

  #changed(options: PoolPolicyOptions): void {
    registerKeeper(this.#cluster, this.group, options)
    this.#deadlines.timeoutMillis = this.#policy.acquireTimeoutMillis
  }

  #detached(): void {
    this.#isDetached = true
    this.#refresh?.cancel()
    this.#deadlines.stop()
    this.#poolOverrides.undo()
    this.#overrides.undo()
    forgetKeeper(this.#cluster)
  }
}
