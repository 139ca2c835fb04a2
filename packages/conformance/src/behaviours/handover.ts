import type { Behaviour } from '../behaviour.ts'
import { until, within } from '../waiting.ts'

export const handover: Behaviour = {
  promise: 'a connection that comes back serves the oldest waiter, whatever is being opened for him',
  proves: ['P-034'],
  needs: ['server', 'network'],
  tests: {
    'the late connect goes idle': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 2 })
      const lease = await pool.acquire()
      pool.network.delay(400)
      const waiting = pool.acquire()
      await until('a connect was begun for the waiter', () => pool.keeper.stats().opening === 1)
      expect(pool.keeper.stats().pending).toBe(1)
      await lease.release()
      const served = await within(350, 'the hand-over', waiting)
      expect(served.id).toBe(lease.id)
      pool.network.delay(0)
      await untilOpen(pool, 2)
      await until('the late one has arrived', () => pool.keeper.stats().idle === 1)
      expect(pool.keeper.stats()).toMatchObject({ used: 1, opening: 0, pending: 0 })
      await served.release()
    },
  },
}
