import { PoolkeeperError, type PoolKeeper, registerKeeper, registeredKeeper, SharedKeeper, systemClock } from '@poolkeeper/core'
import type { Redis, RedisOptions } from 'ioredis'
import { faceOf } from './commands/facade.ts'
import { type HostClient, hostClient, type MakeMember, membersLike, membersOf, newClient } from './host/redis-client.ts'
import { Lanes } from './lanes/lanes.ts'
import { PoolLife } from './pool-life.ts'
import { RedisPoolKeeper } from './pool-keeper.ts'
import type { RedisPool, RedisPoolPolicy } from './redis-pool.ts'
import { poolSettings } from './settings.ts'

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

/** @throws PoolkeeperError `NOT_APPLIED` for what is no pool of `createRedisPool` */
export function keeperOf(pool: RedisPool): PoolKeeper {
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
    face.on('error', () => {})
    face.disconnect(false)
  }
  return poolOf(face, membersOf(factory), policy, () => fromFactory(factory, policy))
}

function poolOf(face: HostClient, make: MakeMember, policy: RedisPoolPolicy, duplicate: (override: object) => RedisPool): RedisPool {
  const { lanes: count, policy: given, resolve } = poolSettings(policy, face.options)
  const life = new PoolLife(face)
  let resolved = resolve({})
  const ofLanes = (changes: Parameters<typeof resolve>[0]): typeof resolved => {
    resolved = resolve(changes)
    return Object.freeze({ ...resolved, max: count, min: Math.min(resolved.min, count) })
  }
  const first = ofLanes({})
  const lanes = new Lanes(make, first, systemClock, life)
  const shared = new SharedKeeper(lanes, first, { resolve: ofLanes })
  lanes.attach(shared)
  const keeper = new RedisPoolKeeper(lanes, shared, () => resolved, () => life.ending())
  life.attend(lanes, keeper)
  faceOf(face, {
    dispatch: lanes.dispatch,
    status: () => life.status,
    connect: () => keeper.ready(),
    disconnect: () => life.disconnect(shared),
    quit: () => life.quit(),
    duplicate: (override = {}) => duplicate(override),
  })
  const pool = face as unknown as RedisPool
  registerKeeper(pool, keeper, given)
  shared.start()
  return pool
}
