import type { Scenario } from '../scenario.ts'
import { DEFAULTS_TEXT, knexScenario, warmUp } from './knex-scenario.ts'

export const killedIdle: Scenario = knexScenario({
  name: 'killed-idle',
  title: 'The server ends all idle connections',
  story:
    'Ten connections are idle. The server ends all of them; the application has not seen it yet when 20 requests ' +
    'come at once, followed by 50 a second.',
  settings: {},
  settingsText: DEFAULTS_TEXT,
  query: 'select 1',
  patienceMillis: 2_000,
  async perform(stage) {
    await warmUp(stage)
    // Not one turn of the event loop may pass before the burst: it would see the farewells.
    stage.server.terminateAllSync()
    stage.mark('all ended, burst of 20', { recoverFrom: true })
    stage.load.burst(20)
    await stage.load.steady({ perSecond: 50, seconds: 3 })
  },
})
