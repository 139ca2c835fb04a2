import type { Behaviour } from '../behaviour.ts'
import { burst, fill, pass } from '../waiting.ts'

const WINDOW_MILLIS = 50

export const deadUnseen: Behaviour = {
  promise: 'after the window, connections whose death nobody has noticed yet cost no caller an error',
  proves: ['P-050'],
  needs: ['server'],
  tests: {
    'killed between two turns of the event loop': async ({ expect, open, untilAgreed }) => {
      const pool = await open({ validateAfterIdleMillis: WINDOW_MILLIS })
      const ids = await fill(pool, 3)
      await pass(2 * WINDOW_MILLIS)
      pool.server.killUnseen()
      const { failed, errors } = await burst(pool, 9)
      expect({ failed, errors }).toEqual({ failed: 0, errors: [] })
      const { closes } = pool.keeper.stats()
      expect(closes.invalid + closes.fatal + closes.stale).toBe(3)
      expect(pool.keeper.stats().generation).toBe(1)
      const connections = await pool.server.connections()
      expect(connections.filter(({ id }) => ids.includes(id))).toHaveLength(0)
      await untilAgreed(pool)
    },
  },
}
