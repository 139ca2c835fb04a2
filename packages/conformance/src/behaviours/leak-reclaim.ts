import type { Behaviour } from '../behaviour.ts'
import { record, serverIds, until } from '../waiting.ts'

const THRESHOLD_MILLIS = 200

export const leakReclaim: Behaviour = {
  promise: 'a leak that is reclaimed frees its place, and the late release of its holder is nothing',
  proves: ['P-151', 'P-152'],
  needs: ['server', 'replacement'],
  tests: {
    'who waits is served with another connection': async ({ expect, open }) => {
      const pool = await open({ max: 1, leakThresholdMillis: THRESHOLD_MILLIS, reclaimLeaks: true })
      const leaked = await pool.acquire()
      const next = await pool.acquire()
      expect(next.id === leaked.id).toBe(false)
      expect(pool.keeper.stats()).toMatchObject({ used: 1, leaks: 1, closes: { leak: 1 } })
      const events = record(pool)
      await leaked.release()
      expect(events).toEqual([])
      expect(pool.keeper.stats()).toMatchObject({ used: 1, useMillis: { count: 1 } })
      await next.query()
      await next.release()
      await until('the server has the new one alone', async () => (await serverIds(pool)).join() === String(next.id))
    },
  },
}
