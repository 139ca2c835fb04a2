import type { Behaviour } from '../behaviour.ts'
import { nextEvent, pass, record, until } from '../waiting.ts'

const THRESHOLD_MILLIS = 200

export const leakReport: Behaviour = {
  promise: 'a connection that is held for too long is told once, with the line of code that acquired it, and when it comes back',
  proves: ['P-150'],
  needs: [],
  tests: {
    'once, and its end': async ({ expect, open }) => {
      const pool = await open({ leakThresholdMillis: THRESHOLD_MILLIS })
      const events = record(pool)
      const lease = await pool.acquire()
      const { connection, heldMillis, site } = await nextEvent(pool, 'leaked')
      expect(heldMillis).toBeGreaterThanOrEqual(THRESHOLD_MILLIS)
      expect(/:\d+$/.test(site ?? '')).toBe(true)
      await pass(THRESHOLD_MILLIS)
      await lease.release()
      expect(events.filter(({ type }) => type === 'leaked')).toHaveLength(1)
      expect(events.filter(({ type }) => type === 'leakEnded')).toMatchObject([{ connection, site }])
      expect(pool.keeper.stats()).toMatchObject({ leaks: 1, used: 0, idle: 1 })
    },

    'not a short lease, however often': async ({ expect, open }) => {
      const pool = await open({ leakThresholdMillis: THRESHOLD_MILLIS })
      const until3 = performance.now() + 3 * THRESHOLD_MILLIS
      await until('three thresholds have passed', async () => {
        await pool.query()
        return performance.now() > until3
      })
      expect(pool.keeper.stats()).toMatchObject({ leaks: 0 })
    },
  },
}
