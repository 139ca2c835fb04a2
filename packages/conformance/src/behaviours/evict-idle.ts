import type { Behaviour } from '../behaviour.ts'
import { acquireMany, burst, fill, releaseAll, timed } from '../waiting.ts'

export const evictIdle: Behaviour = {
  promise: 'everything idle above `min` is closed on demand, and nobody waits for it',
  proves: ['P-165'],
  needs: ['server', 'network'],
  tests: {
    'idle ones only': async ({ expect, open, untilOpen }) => {
      const pool = await open({ min: 0, max: 3 })
      const [held, ...others] = await acquireMany(pool, 3)
      await releaseAll(others)
      expect(await pool.keeper.evictIdle()).toBe(2)
      await untilOpen(pool, 1)
      await held?.query()
      await held?.release()
      expect(pool.keeper.stats().closes.idle).toBe(2)
      expect(await burst(pool, 3)).toMatchObject({ failed: 0 })
    },

    'never below `min`': async ({ expect, open, untilOpen }) => {
      const pool = await open({ min: 1, max: 3 })
      await fill(pool, 3)
      expect(await pool.keeper.evictIdle()).toBe(2)
      await untilOpen(pool, 1)
    },

    'a farewell that takes long holds up no caller': async ({ expect, open }) => {
      const pool = await open({ min: 1, max: 3 })
      await fill(pool, 3)
      pool.network.delay(1_200)
      const closing = pool.keeper.evictIdle()
      const { value: lease, millis } = await timed(pool.acquire())
      expect(millis).toBeLessThan(1_000)
      pool.network.delay(0)
      await lease.release()
      expect(await closing).toBe(2)
    },
  },
}
