import { PoolCircuit, PoolkeeperError, type PoolKeeper, registerKeeper, registeredKeeper, SharedKeeper, systemClock } from '@poolkeeper/core'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import type { ClusterKeeper } from './cluster/cluster-keeper.ts'
import { faceOf } from './commands/facade.ts'
import { copyScripts, type HostClient, hostClient, type MakeMember, membersLike, membersOf, newClient } from './host/redis-client.ts'
import { Lanes } from './lanes/lanes.ts'
import { Leases, type LeasesHooks } from './leases/leases.ts'
import { PoolLife } from './pool-life.ts'
import { RedisPoolKeeper } from './pool-keeper.ts'
import type { RedisPool, RedisPoolPolicy } from './redis-pool.ts'
import { PoolSettings } from './settings.ts'

/** A URL or a path as `new Redis()` takes it, its options, or a function that makes clients. */
export type RedisSource = string | RedisOptions | (() => Redis)

/**
 * A pool of connections to one Redis server, or to the primary that Sentinels name, with ioredis's own commands.
 *
 * @param policy - with the URL and options as `new Redis(url, options)` takes them in between, or without
 * @example
 * const redis = createRedisPool('redis://127.0.0.1:6379', { acquireTimeoutMillis: 5_000 })
 * await redis.set('key', 'value')
 * @throws PoolkeeperError `INVALID_POLICY`; `UNSUPPORTED_HOST` for what cannot be had, a Cluster among it
 */
export function createRedisPool(source: RedisSource, policy?: RedisPoolPolicy): RedisPool
export function createRedisPool(source: string, options: RedisOptions, policy: RedisPoolPolicy): RedisPool
export function createRedisPool(source: RedisSource, second?: RedisOptions | RedisPoolPolicy, third?: RedisPoolPolicy): RedisPool {
  refuseCluster(source)
  const options = third === undefined ? {} : (second as RedisOptions)
  const policy = (third ?? second ?? {}) as RedisPoolPolicy
  return typeof source === 'function' ? fromFactory(source, policy) : fromOptions(source, options, policy)
}

/**
 * What attends a pool of `createRedisPool`, or a Cluster.
 *
 * @throws PoolkeeperError `NOT_APPLIED` when nothing does
 */
export function keeperOf(cluster: Cluster): ClusterKeeper
export function keeperOf(pool: RedisPool): PoolKeeper
export function keeperOf(pool: RedisPool | Cluster): PoolKeeper {
  return registeredKeeper(pool, 'client of ioredis')
}

function refuseCluster(source: unknown): void {
  const isCluster = Array.isArray(source) || (typeof source === 'object' && source !== null && 'isCluster' in source)
  if (!isCluster) return
  throw new PoolkeeperError('UNSUPPORTED_HOST', 'a Redis Cluster cannot be pooled yet: give the URL or the options of one server, or of Sentinels')
}

function fromOptions(source: string | RedisOptions, options: RedisOptions, policy: RedisPoolPolicy): RedisPool {
  const own = { ...options, lazyConnect: true }
  const face = typeof source === 'string' ? newClient(own, source) : newClient({ ...source, ...own })
  const duplicate = (override: object): RedisPool => fromOptions({ ...face.options, ...override }, {}, policy)
  return poolOf(face, membersLike(face.options), policy, duplicate)
}

/** The first client that it makes never connects: it is the face of the pool, with the scripts that were defined on it. */
function fromFactory(factory: () => Redis, policy: RedisPoolPolicy): RedisPool {
  const made = factory()
  refuseCluster(made.isCluster ? [] : undefined)
  const face = hostClient(made)
  if (face.status !== 'wait') {
    if (policy.credentials !== undefined) throw notLazy()
    face.on('error', () => {})
    face.disconnect(false)
  }
  return poolOf(face, membersOf(factory), policy, () => fromFactory(factory, policy))
}

function notLazy(): PoolkeeperError {
  return new PoolkeeperError('UNSUPPORTED_HOST', `with \`credentials\`, the function has to make clients that do not connect by themselves: \`new Redis({ lazyConnect: true })\``)
}

function poolOf(face: HostClient, make: MakeMember, given: RedisPoolPolicy, duplicate: (override: object) => RedisPool): RedisPool {
  const settings = new PoolSettings(given, face.options)
  const life = new PoolLife(face)
  const policy = settings.ofLanes({})
  const lanes = new Lanes(make, policy, systemClock, life)
  // What lanes learn of the server holds for leases, and the other way round.
  const circuit = new PoolCircuit()
  const shared = new SharedKeeper(lanes, policy, { circuit, resolve: (changes) => settings.ofLanes(changes) })
  lanes.attach(shared)
  const credentials = shared.credentialsProvider()
  const hooks: LeasesHooks = { adorn: (client) => copyScripts(face, client), serverLeft: () => lanes.leaveServer() }
  const leases = settings.hasLeases ? new Leases(make, settings.leases(credentials), circuit, hooks) : undefined
  const keeper = new RedisPoolKeeper({
    lanes,
    shared,
    leases,
    policy: () => settings.policy,
    settle: (changes) => settings.settle(changes, credentials),
    onDrain: () => life.ending(),
  })
  life.attend(lanes, leases, keeper)
  faceOf(face, {
    dispatch: lanes.dispatch,
    leases,
    status: () => life.status,
    connect: () => keeper.ready(),
    disconnect: () => life.disconnect(),
    quit: () => life.quit(),
    duplicate: (override = {}) => duplicate(override),
  })
  const pool = face as unknown as RedisPool
  registerKeeper(pool, keeper, settings.given)
  shared.start()
  return pool
}
