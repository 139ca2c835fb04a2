import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from '../scenario.ts'
import { DEFAULTS_TEXT, redisScenario, type Stage } from './redis-scenario.ts'

export const redisRestart: Scenario = redisScenario({
  name: 'redis-restart',
  title: 'The server restarts under load',
  story:
    'At 100 requests a second the server is shut down, stays down for one second, and starts again. Both hold back what ' +
    'comes meanwhile, and try to connect again and again with growing pauses; the pool up to its deadline.',
  settingsText: DEFAULTS_TEXT,
  patienceMillis: 2_000,
  ask: ({ redis }) => redis.get('key'),
  async perform(stage) {
    await Promise.all([stage.load.steady({ perSecond: 100, seconds: 5 }), restart(stage)])
  },
})

async function restart({ mark, server }: Stage): Promise<void> {
  await sleep(1_500)
  mark('server stops', { recoverFrom: true })
  await server.restart('fast', () => sleep(1_000))
  mark('server is back')
}
