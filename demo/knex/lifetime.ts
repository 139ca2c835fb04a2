import type { Scenario } from '../scenario.ts'
import { fill, knexScenario } from './knex-scenario.ts'

export const lifetime: Scenario = knexScenario({
  name: 'lifetime',
  title: 'Connections grow old under load',
  story:
    'Connections may live for two seconds. 200 requests a second, each 20 ms of work in the database, over a network ' +
    'that takes 10 ms. A request that finds its connection too old waits for a new one.',
  settings: {
    barePool: { maxConnectionLifetimeMillis: 2_000 },
    policy: { maxLifetimeMillis: 2_000 },
  },
  settingsText: 'Bare: Knex’s own pool.maxConnectionLifetimeMillis 2 000. Kept: maxLifetimeMillis 2 000.',
  query: 'select pg_sleep(0.02)',
  patienceMillis: 2_000,
  async perform(stage) {
    stage.network.delay(10)
    await fill(stage.db)
    await stage.load.steady({ perSecond: 200, seconds: 8 })
  },
})
