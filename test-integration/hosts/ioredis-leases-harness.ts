import type { AdapterHarness, BarePool, KeptPool, Lease, Network, ServerDoor } from '@poolkeeper/conformance'
import { followPools, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/core'
import { type RedisLease, keeperOf } from '@poolkeeper/ioredis'
import { buildRedisPool, MADE_WITH_POLICY, noneBare, type RedisHarnessOptions, type RedisPoolParts, WITHOUT_RETRY } from './ioredis-parts.ts'
import { isInMulti, numberIn, refusedByServer, type WatchedRedis } from './redis-wire.ts'

/** Ordinary commands have one connection to themselves; no behaviour of leases sends any, so it is not opened. */
const LANES = 1

/** Puts the leases of a pool of Redis before the behaviours. */
export function ioredisLeasesHarness({ name, redis, cannot = {} }: RedisHarnessOptions): AdapterHarness {
  async function open({ min = 0, max = 1, ...policy }: PoolPolicyOptions): Promise<KeptPool> {
    const leases = followLeases()
    try {
      const parts = await buildRedisPool(redis(), { ...WITHOUT_RETRY, ...policy, lanes: LANES, max: max + LANES })
      const keeper = leases.keeper()
      // What the pool is told it divides among leases and lanes.
      keeper.reconfigure({ min })
      return Object.assign(new LeasesOfRedis(parts, redis()), { keeper })
    } finally {
      leases.stop()
    }
  }

  return {
    name,
    cannot,
    open,
    openBare: noneBare,
    isTimeout: (error) => error instanceof Error && error.name === 'TimeoutError' && error.message === 'ResourceRequest timed out',
    servesOnClose: true,
  }
}

/** Of a pool that counts leases and lanes together, the keeper of its leases: those are what the behaviours count. */
function followLeases(): { keeper(): PoolKeeper; stop(): void } {
  const heard: PoolKeeper[] = []
  const stop = followPools(({ keeper }) => void heard.push(keeper))
  const before = heard.length
  return {
    keeper() {
      const [keeper] = heard.slice(before).filter(({ name }) => name.endsWith(' leases'))
      if (keeper === undefined) throw new Error('nobody keeps the leases')
      return keeper
    },
    stop,
  }
}

/** What `lease()` and `use()` lend. */
class LeasesOfRedis implements BarePool {
  readonly server: ServerDoor
  readonly network: Network
  readonly dispose: () => Promise<void>
  readonly #pool: RedisPoolParts['pool']
  readonly #redis: WatchedRedis

  constructor({ dispose, door, network, pool }: RedisPoolParts, redis: WatchedRedis) {
    this.#pool = pool
    this.#redis = redis
    this.server = door
    this.network = network
    this.dispose = dispose
  }

  async acquire(): Promise<Lease> {
    const { client, release }: RedisLease = await this.#pool.lease()
    const name = client.options.connectionName ?? ''
    return {
      id: numberIn(name),
      query: async () => void (await client.ping()),
      failingQuery: () => refusedByServer(client),
      begin: async () => void (await client.multi({ pipeline: false })),
      isInTransaction: () => isInMulti(this.#redis.server, name),
      release,
    }
  }

  async query(): Promise<void> {
    await this.#pool.use((client) => client.ping())
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
}
