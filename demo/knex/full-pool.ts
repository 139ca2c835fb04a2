import { setTimeout as sleep } from 'node:timers/promises'
import { POOL } from './application.ts'
import type { Scenario } from '../scenario.ts'
import { knexScenario, type Stage } from './knex-scenario.ts'

export const fullPool: Scenario = knexScenario({
  name: 'full-pool',
  title: 'The pool is full, and callers wait',
  story:
    'Ten transactions hold all ten connections for two and a half seconds, at 20 requests a second. No pool can ' +
    'serve what comes meanwhile; the question is what the error says.',
  settings: { acquireConnectionTimeout: 1_000 },
  settingsText: 'Both: acquireConnectionTimeout 1 000.',
  query: 'select 1',
  patienceMillis: 2_000,
  async perform(stage) {
    await Promise.all([stage.load.steady({ perSecond: 20, seconds: 5 }), holdAll(stage)])
  },
})

async function holdAll({ db, mark }: Stage): Promise<void> {
  await sleep(1_000)
  const holders = await Promise.all(Array.from({ length: POOL.max }, () => db.transaction()))
  mark('all ten are held', { recoverFrom: true })
  await sleep(2_500)
  await Promise.all(holders.map((holder) => holder.rollback()))
  mark('given back')
}
