import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from '../scenario.ts'
import { DEFAULTS_TEXT, redisScenario, type Stage } from './redis-scenario.ts'

const KEY = 'count'

export const cutInFlight: Scenario = redisScenario({
  name: 'redis-cut-in-flight',
  title: 'The connection is cut while answers are on their way',
  story:
    'Each request is an INCR, 200 a second, over a network that takes 20 ms. Three times the connection is reset. What was ' +
    'in flight has been executed, and its answer is lost. ioredis connects again and sends it once more: nobody gets an ' +
    'error, and the counter is too high. The pool fails those few, and sends nothing twice. Wrong: how much higher the ' +
    'counter is than the number of requests.',
  settingsText: DEFAULTS_TEXT,
  patienceMillis: 2_000,
  ask: ({ redis }) => redis.incr(KEY),
  async perform(stage) {
    stage.network.delay(20)
    await Promise.all([stage.load.steady({ perSecond: 200, seconds: 5 }), cutThrice(stage)])
  },
  audit: async (server, ok, errors) => Math.max(0, Number(await server.command('GET', KEY)) - ok - errors),
})

async function cutThrice({ mark, network }: Stage): Promise<void> {
  for (let time = 1; time <= 3; time += 1) {
    await sleep(1_200)
    network.cut()
    mark(`cut ${time}`, { recoverFrom: time === 1 })
  }
}
