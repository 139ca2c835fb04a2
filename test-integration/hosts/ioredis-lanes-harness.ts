import type { AdapterHarness, BarePool, KeptPool, Lease, Network, ServerDoor } from '@poolkeeper/conformance'
import { type PoolKeeper, type PoolPolicyOptions, totalOf } from '@poolkeeper/core'
import { findPoolkeeperError, keeperOf } from '@poolkeeper/ioredis'
import { until } from '../harness/until.ts'
import { buildRedisPool, MADE_WITH_POLICY, noneBare, type RedisHarnessOptions, type RedisPoolParts, WITHOUT_RETRY } from './ioredis-parts.ts'
import { numberIn, refusedByServer, type WatchedRedis } from './redis-wire.ts'

/** Puts the shared connections of a pool of Redis before the behaviours: all that `max` allows are lanes. */
export function ioredisLanesHarness({ name, redis, cannot = {} }: RedisHarnessOptions): AdapterHarness {
  async function open({ max = 1, ...policy }: PoolPolicyOptions): Promise<KeptPool> {
    const parts = await buildRedisPool(redis(), { ...WITHOUT_RETRY, ...policy, lanes: max, max })
    return Object.assign(new LanesOfRedis(parts, redis(), max), { keeper: keeperOf(parts.pool) })
  }

  return {
    name,
    lacks: { transactions: 'a transaction goes out in one piece: a lane is in none' },
    cannot,
    open,
    openBare: noneBare,
    isTimeout: (error) => findPoolkeeperError(error) !== undefined,
    hasNoDeadline: true,
  }
}

let echoes = 0

/** Nothing is lent: who holds a lease here is somebody who sends commands, and there are as many lanes as such. */
class LanesOfRedis implements BarePool {
  readonly server: ServerDoor
  readonly network: Network
  readonly dispose: () => Promise<void>
  readonly #pool: RedisPoolParts['pool']
  readonly #redis: WatchedRedis
  readonly #lanes: number
  #senders = 0

  constructor({ dispose, door, network, pool }: RedisPoolParts, redis: WatchedRedis, lanes: number) {
    this.#pool = pool
    this.#redis = redis
    this.#lanes = lanes
    this.server = door
    this.network = network
    this.dispose = dispose
  }

  async acquire(): Promise<Lease> {
    this.#senders += 1
    let isOver = false
    const release = async (): Promise<void> => {
      if (!isOver) this.#senders -= 1
      isOver = true
    }
    try {
      return {
        id: await this.#laneOfEcho(),
        query: () => this.query(),
        failingQuery: () => refusedByServer(this.#pool),
        begin: () => Promise.reject(new Error('a lane is in no transaction')),
        isInTransaction: () => Promise.resolve(false),
        release,
      }
    } catch (error) {
      await release()
      throw error
    }
  }

  async query(): Promise<void> {
    await this.#pool.ping()
  }

  releaseForeign(): void {}

  async end(): Promise<void> {
    await this.#pool.quit()
  }

  apply(): PoolKeeper {
    throw new Error(MADE_WITH_POLICY)
  }

  keeperOf(): PoolKeeper {
    return keeperOf(this.#pool)
  }

  traces(): object {
    return {}
  }

  /** The number of the lane that a command took, as the server knows it. */
  async #laneOfEcho(): Promise<number> {
    const text = `lane-${++echoes}`
    const sender = this.#redis.monitor.whoEchoes(text)
    await this.#pool.echo(text)
    await this.#openLanes()
    const from = await sender
    const clients = await this.#redis.server.connections()
    return numberIn(clients.find(({ address }) => address === from)?.name ?? '')
  }

  /** Another lane is opened when all that are there are busy. */
  async #openLanes(): Promise<void> {
    const { keeper } = { keeper: keeperOf(this.#pool) }
    while (totalOf(keeper.stats()) < Math.min(this.#senders, this.#lanes)) {
      await Promise.all([this.#pool.ping(), this.#pool.ping()])
      const { failed } = keeper.stats().opens
      await until('the lane was opened, or not', () => Promise.resolve(keeper.stats().opening === 0))
      if (keeper.stats().opens.failed > failed) return
    }
  }
}
