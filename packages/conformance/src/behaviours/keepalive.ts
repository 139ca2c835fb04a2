import type { Behaviour } from '../behaviour.ts'
import { nextEvent, until } from '../waiting.ts'

/** The shortest that a policy takes. */
const PERIOD_MILLIS = 1_000

export const keepalive: Behaviour = {
  promise: 'what `min` keeps is kept alive in the background, and found out when it is dead',
  proves: ['P-059'],
  needs: ['server', 'network'],
  tests: {
    'the server hears from it': async ({ expect, open }) => {
      const pool = await open({ min: 1, max: 2, keepaliveMillis: PERIOD_MILLIS })
      await pool.keeper.ready()
      const [before] = await pool.server.connections()
      expect(await nextEvent(pool, 'validated')).toMatchObject({ trigger: 'keepalive' })
      const [after] = await pool.server.connections()
      expect(after?.id).toBe(before?.id)
      expect(after?.silentMillis).toBeLessThan(0.8 * PERIOD_MILLIS)
    },

    'a dead one is replaced without a caller': async ({ expect, open }) => {
      const pool = await open({ min: 1, max: 2, keepaliveMillis: PERIOD_MILLIS, validationTimeoutMillis: 200 })
      await pool.keeper.ready()
      pool.network.blackhole()
      const opened = nextEvent(pool, 'opened')
      expect(await nextEvent(pool, 'validationFailed')).toMatchObject({ trigger: 'keepalive', timedOut: true })
      await opened
      await until('the dead socket is gone', () => pool.network.openConnections === 1)
      await until('the new one is idle', () => pool.keeper.stats().idle === 1)
      expect(pool.keeper.stats().acquires.ok).toBe(0)
      await pool.query()
    },
  },
}
