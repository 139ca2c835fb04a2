import { applyPoolPolicy, type ClusterKeeper, type PoolPolicyOptions } from '@poolkeeper/ioredis'
import { Cluster, type ClusterOptions } from 'ioredis'
import { onTestFinished } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../faults/proxy.ts'
import type { RedisServer } from '../harness/redis.ts'
import type { RedisCluster } from '../harness/redis-cluster.ts'
import { until } from '../harness/until.ts'

/** What a Cluster says of its connections that it keeps. */
const NAME = 'kept'

export interface ClusterScene {
  readonly cluster: Cluster
  readonly keeper: ClusterKeeper
  /** A Cluster of ioredis as it comes, on the same network. */
  bare(): Cluster
  /** The network to each of the servers, in their order. */
  readonly proxies: readonly FaultProxy[]
  /** As the Cluster under test calls a server. */
  keyOf(server: RedisServer): string
}

export interface ClusterSceneOptions {
  readonly policy?: PoolPolicyOptions
  readonly options?: Pick<ClusterOptions, 'lazyConnect'>
  /** Another copy of ioredis. */
  readonly Client?: typeof Cluster
  /** Through a network that can be broken. */
  readonly isProxied?: boolean
  /** Whether to wait until it is. */
  readonly isReady?: boolean
}

/** A kept Cluster that is ready; all of it ends with the test. */
export async function clusterScene(servers: RedisCluster, given: ClusterSceneOptions = {}): Promise<ClusterScene> {
  const { policy = {}, options = {}, Client = Cluster, isProxied = false, isReady = true } = given
  const proxies = isProxied ? await Promise.all(servers.nodes.map((server) => startFaultProxy({ target: server }))) : []
  const at = (server: RedisServer): { host: string; port: number } => {
    const { host, port } = proxies[servers.nodes.indexOf(server)] ?? server
    return { host, port }
  }
  const keyOf = (server: RedisServer): string => `${at(server).host}:${at(server).port}`
  const natMap = Object.fromEntries(servers.nodes.map((server) => [`${server.host}:${server.port}`, at(server)]))
  const made: Cluster[] = []
  const make = (): Cluster => {
    const cluster = new Client(servers.nodes.map(at), { natMap, redisOptions: { connectionName: NAME }, ...options })
    cluster.on('error', () => {})
    made.push(cluster)
    return cluster
  }
  const cluster = make()
  const keeper = applyPoolPolicy(cluster, policy)
  onTestFinished(async () => {
    for (const one of made) one.disconnect()
    await Promise.all(proxies.map((proxy) => proxy.close()))
  })
  if (isReady) await until('the Cluster is ready', () => Promise.resolve(cluster.status === 'ready'))
  return { cluster, keeper, bare: make, proxies, keyOf }
}

/** One key on each of the primaries that there are now. */
export async function keysOfPrimaries(servers: RedisCluster): Promise<string[]> {
  const byServer = new Map<RedisServer, string>()
  for (let number = 0; byServer.size < 3; number++) {
    const server = await servers.primaryOf(`key:${number}`)
    if (!byServer.has(server)) byServer.set(server, `key:${number}`)
  }
  return [...byServer.values()]
}

/** A command that has neither its answer nor an error after so long has none. */
export async function settledWithin(command: Promise<unknown>, millis: number): Promise<'answered' | 'failed' | 'hangs'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'hangs'>((resolve) => (timer = setTimeout(() => resolve('hangs'), millis)))
  const settled = command.then(
    () => 'answered' as const,
    () => 'failed' as const,
  )
  const outcome = await Promise.race([settled, late])
  clearTimeout(timer)
  return outcome
}

/** The connections that a Cluster keeps, as the servers see them; those that fetch its slots come and go. */
export async function connectionsOf({ nodes }: RedisCluster): Promise<string[]> {
  const all = await Promise.all(nodes.map(async (server) => (await server.connections()).filter(({ name }) => name === NAME).map(({ id }) => `${server.port}:${id}`)))
  return all.flat()
}
