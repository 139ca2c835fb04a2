import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisPoolPolicy } from '@poolkeeper/ioredis'
import { type FaultProxy, startFaultProxy } from '../../test-integration/faults/proxy.ts'
import type { RedisServer } from '../../test-integration/harness/redis.ts'
import type { Scenario, Scene, Story } from '../scenario.ts'
import { type Application, startApplication } from './application.ts'

/** What a scenario plays on. The network is its own for the time of one run. */
export interface Stage extends Scene, Pick<Application, 'redis' | 'use'> {
  readonly server: RedisServer
  /** Between the application and the server. */
  readonly network: FaultProxy
}

interface RedisStory extends Story {
  /** For the kept run. */
  readonly policy?: RedisPoolPolicy
  /** The request of this number. */
  ask(application: Application, number: number): Promise<unknown>
  perform(stage: Stage): Promise<void>
  /** How many answers were wrong. */
  audit?(server: RedisServer, ok: number, errors: number): Promise<number>
}

export function redisScenario({ policy = {}, ask, perform, audit, ...story }: RedisStory): Scenario {
  return {
    part: 'ioredis',
    ...story,
    async start(run, { redis: server }) {
      if (server === undefined) throw new Error('there is no Redis')
      await server.command('FLUSHALL')
      const network = await startFaultProxy({ target: server })
      const application = startApplication(run, network, policy)
      const { redis, use, keeper } = application
      await redis.ping()
      let asked = 0
      return {
        keeper,
        ask: () => ask(application, asked++),
        perform: (scene) => perform({ ...scene, redis, use, server, network }),
        ...(audit !== undefined && { audit: (ok: number, errors: number) => audit(server, ok, errors) }),
        async end() {
          application.end()
          await network.close()
        },
      }
    },
  }
}

export const DEFAULTS_TEXT = 'Bare: ioredis’ defaults. Kept: createRedisPool with no options.'

/** A second of ordinary load, then 700 ms in which nobody asks. */
export async function warmUp({ load }: Stage): Promise<void> {
  await load.steady({ perSecond: 50, seconds: 1 })
  await sleep(700)
}
