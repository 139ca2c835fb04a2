import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from '../scenario.ts'
import { DEFAULTS_TEXT, fill, knexScenario, type Stage } from './knex-scenario.ts'

export const serverRestart: Scenario = knexScenario({
  name: 'server-restart',
  title: 'The server restarts under load',
  story:
    'At 100 requests a second the server is shut down (fast: it says goodbye), stays down for one second, and starts ' +
    'again. What is asked meanwhile can only fail or wait: no policy makes a server answer that is not there.',
  settings: {},
  settingsText: DEFAULTS_TEXT,
  query: 'select 1',
  patienceMillis: 2_000,
  async perform(stage) {
    await fill(stage.db)
    await Promise.all([stage.load.steady({ perSecond: 100, seconds: 6 }), restart(stage)])
  },
})

async function restart({ mark, server }: Stage): Promise<void> {
  await sleep(1_500)
  mark('server stops', { recoverFrom: true })
  await server.restart('fast', () => sleep(1_000))
  mark('server is back')
}
