import { historyFrom, type LoadWindow, type SizingHistory } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'

const MINUTE_MILLIS = 60_000
const TWO_WEEKS_MINUTES = 2 * 7 * 24 * 60

/** A store that was written by a pool in which two connections were in use at every hour. */
function evenWeeks(): SizingHistory {
  const document = historyFrom(windows())
  return { load: () => Promise.resolve(document), save: () => Promise.resolve() }
}

function* windows(): Generator<LoadWindow> {
  for (let minute = 1; minute <= TWO_WEEKS_MINUTES; minute++) yield { at: minute * MINUTE_MILLIS, windowMillis: MINUTE_MILLIS, load: 2 }
}

export const foresight: Behaviour = {
  promise: 'the policy sizes the pool by what past load foretells',
  proves: [],
  needs: ['replacement'],
  tests: {
    'it is open before anybody asks': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 3, sizing: { predictive: { history: evenWeeks() } } })
      await untilOpen(pool, 3)
      expect(pool.keeper.stats()).toMatchObject({ min: 3, max: 3 })
      expect(pool.keeper.forecast()).toMatchObject({ from: 'learned', size: 3 })
    },
  },
}
