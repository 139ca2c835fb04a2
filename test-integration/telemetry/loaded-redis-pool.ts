import { createRedisPool, keeperOf } from '@poolkeeper/ioredis'
import type { RedisServer } from '../harness/redis.ts'
import { until } from '../harness/until.ts'
import type { LoadedPool, ServerView } from './loaded-pools.ts'

export interface LoadedRedisPool extends LoadedPool {
  /** As `CLIENT LIST` has it: who is blocked is in use. */
  view(): Promise<ServerView>
}

const MAX = 3

/** A pool of ioredis with one lane, and two connections for those who need one for themselves. */
export function loadedRedisPool(server: RedisServer, name: string): LoadedRedisPool {
  const redis = createRedisPool({ host: server.host, port: server.port, connectionName: name.replaceAll(' ', '-') }, { name, max: MAX })
  const view = async (): Promise<ServerView> => {
    const clients = (await server.connections()).filter((client) => client.name === name.replaceAll(' ', '-'))
    const used = clients.filter(({ isBlocked }) => isBlocked).length
    return { open: clients.length, used, idle: clients.length - used }
  }
  let holds = 0
  return {
    name,
    max: MAX,
    keeper: keeperOf(redis),
    view,
    query: () => redis.get('key'),
    async hold() {
      const key = `${name} ${++holds}`
      const before = (await view()).used
      const blocked = redis.blpop(key, 0)
      await until('the server has it blocked', async () => (await view()).used > before)
      return async () => {
        await server.command('RPUSH', key, 'go on')
        await blocked
      }
    },
    end: () => keeperOf(redis).drain(),
  }
}
