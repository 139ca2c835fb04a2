import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from '../scenario.ts'
import { DEFAULTS_TEXT, redisScenario, type Stage } from './redis-scenario.ts'

const WORKERS = 3
const JOBS = 'jobs'

export const blocking: Scenario = redisScenario({
  name: 'redis-blocking',
  title: 'Workers wait for jobs beside ordinary requests',
  story:
    'From a certain moment on three workers of the same process wait for jobs: BLPOP, for up to a second at a time. There are ' +
    'none. 100 requests a second beside them. On one client whoever asks waits until those before him were answered; in the ' +
    'pool a blocking command takes a connection for itself.',
  settingsText: DEFAULTS_TEXT,
  patienceMillis: 4_000,
  ask: ({ redis }) => redis.get('key'),
  async perform(stage) {
    await Promise.all([stage.load.steady({ perSecond: 100, seconds: 5 }), work(stage)])
  },
})

async function work({ mark, redis }: Stage): Promise<void> {
  await sleep(1_000)
  mark('workers begin', { recoverFrom: true })
  const end = performance.now() + 2_500
  const worker = async (): Promise<void> => {
    while (performance.now() < end) await redis.blpop(JOBS, 1)
  }
  await Promise.all(Array.from({ length: WORKERS }, worker))
  mark('workers have ended')
}
