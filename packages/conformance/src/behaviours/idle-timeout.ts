import type { Behaviour } from '../behaviour.ts'
import { fill, pass, serverIds, timed, until, untilServerHas } from '../waiting.ts'

const TIMEOUT_MILLIS = 120

export const idleTimeout: Behaviour = {
  promise: 'what was idle for too long is closed, above `min`',
  proves: ['P-007', 'P-008', 'P-009'],
  needs: ['server'],
  tests: {
    'all of it when `min` is 0, and the next caller is served': async ({ expect, open }) => {
      const pool = await open({ min: 0, idleTimeoutMillis: TIMEOUT_MILLIS })
      await fill(pool, 3)
      await untilServerHas(pool, 0)
      expect(pool.keeper.stats().closes.idle).toBe(3)
      await pool.query()
    },

    'never below `min`': async ({ expect, open }) => {
      const pool = await open({ min: 1, max: 3, idleTimeoutMillis: TIMEOUT_MILLIS })
      await fill(pool, 3)
      await untilServerHas(pool, 1)
      await pass(2 * TIMEOUT_MILLIS)
      expect(await serverIds(pool)).toHaveLength(1)
    },

    'never, when the size is fixed': async ({ expect, open }) => {
      const pool = await open({ min: 2, max: 2, idleTimeoutMillis: TIMEOUT_MILLIS })
      const ids = await fill(pool, 2)
      await pass(3 * TIMEOUT_MILLIS)
      expect((await serverIds(pool)).sort()).toEqual(ids.sort())
      expect(pool.keeper.stats().opens.ok).toBe(2)
    },

    'counted from the return': async ({ expect, open }) => {
      const pool = await open({ idleTimeoutMillis: TIMEOUT_MILLIS })
      const lease = await pool.acquire()
      await pass(2 * TIMEOUT_MILLIS)
      expect(await serverIds(pool)).toEqual([lease.id])
      const { millis } = await timed(async () => {
        await lease.release()
        await until('it is closed', () => pool.keeper.stats().closes.idle === 1)
      })
      expect(millis).toBeGreaterThanOrEqual(TIMEOUT_MILLIS - 20)
    },
  },
}
