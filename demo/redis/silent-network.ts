import type { Scenario } from '../scenario.ts'
import { DEFAULTS_TEXT, redisScenario, warmUp } from './redis-scenario.ts'

export const silentNetwork: Scenario = redisScenario({
  name: 'redis-silent-network',
  title: 'A firewall forgets the connection, and tells nobody',
  story:
    'Nobody has asked for 700 ms. From one moment on the network swallows whatever is sent on connections that are ' +
    'open; new ones work. Then 20 requests come at once, followed by 50 a second. ioredis has no deadline of its own: it ' +
    'goes on waiting until the kernel gives the connection up, which takes a quarter of an hour.',
  settingsText: DEFAULTS_TEXT,
  patienceMillis: 2_000,
  ask: ({ redis }) => redis.get('key'),
  async perform(stage) {
    await warmUp(stage)
    stage.network.blackhole()
    stage.mark('flow forgotten, burst of 20', { recoverFrom: true })
    stage.load.burst(20)
    await stage.load.steady({ perSecond: 50, seconds: 5 })
  },
})
