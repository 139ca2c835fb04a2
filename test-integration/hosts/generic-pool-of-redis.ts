import { REDIS_MEMBER_OPTIONS, redisDriver } from '@poolkeeper/drivers'
import type { CreateAttempt } from '@poolkeeper/generic-pool'
import { Redis } from 'ioredis'
import type { ResourceSource } from './generic-pool-harness.ts'
import type { ResourceKind } from './generic-pool.ts'
import { isInMulti, nameOf, numberIn, redisDoor, refusedByServer, type WatchedRedis } from './redis-wire.ts'

function kindOf({ server }: WatchedRedis): ResourceKind<Redis> {
  const named = ({ options }: Redis): string => options.connectionName ?? ''
  return {
    driver: redisDriver,
    idOf: (client) => numberIn(named(client)),
    query: async (client) => void (await client.ping()),
    failingQuery: refusedByServer,
    begin: async (client) => void (await client.multi({ pipeline: false })),
    isInTransaction: (client) => isInMulti(server, named(client)),
  }
}

/** Clients of ioredis on a server, as somebody would pool them who has read the README. */
export function clientsOfRedis(redis: WatchedRedis): ResourceSource<Redis> {
  let made = 0
  return {
    kind: kindOf(redis),
    target: redis.server,
    door: (label) => redisDoor(redis, label),
    factory: ({ host, port }, label) => ({
      async create(attempt?: CreateAttempt) {
        const { user, password } = attempt?.credentials ?? {}
        const login = { ...(user !== undefined && { username: user }), ...(password !== undefined && { password }) }
        const client = new Redis({ host, port, ...REDIS_MEMBER_OPTIONS, connectionName: nameOf(label, ++made), ...login })
        client.on('error', () => {})
        attempt?.signal.addEventListener('abort', () => redisDriver.destroy(client))
        await client.connect()
        return client
      },
      destroy: async (client) => void (await client.quit()),
    }),
  }
}
