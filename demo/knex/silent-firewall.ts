import type { Scenario } from '../scenario.ts'
import { DEFAULTS_TEXT, knexScenario, warmUp } from './knex-scenario.ts'

export const silentFirewall: Scenario = knexScenario({
  name: 'silent-firewall',
  title: 'A firewall forgets the connections, and tells nobody',
  story:
    'Ten connections are idle. From one moment on the network swallows whatever is sent on them; new connections ' +
    'work. Then 20 requests come at once, followed by 50 a second. Not shown: a query that is under way at that ' +
    'moment, or is sent on a connection that answered within the last 500 ms, hangs in both runs.',
  settings: {},
  settingsText: DEFAULTS_TEXT,
  query: 'select 1',
  patienceMillis: 2_000,
  async perform(stage) {
    await warmUp(stage)
    stage.network.blackhole()
    stage.mark('flows forgotten, burst of 20', { recoverFrom: true })
    stage.load.burst(20)
    await stage.load.steady({ perSecond: 50, seconds: 6 })
  },
})
