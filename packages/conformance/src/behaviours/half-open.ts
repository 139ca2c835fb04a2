import type { Behaviour } from '../behaviour.ts'
import { burst, fill, pass, record, until } from '../waiting.ts'

const WINDOW_MILLIS = 50
const DEADLINE_MILLIS = 600

export const halfOpen: Behaviour = {
  promise: 'a pool behind a silent firewall costs its callers one short moment, not one deadline a connection',
  proves: ['P-054'],
  needs: ['server', 'network'],
  tests: {
    'every caller is served, and the dead sockets are destroyed': async ({ expect, open }) => {
      const pool = await open({ validateAfterIdleMillis: WINDOW_MILLIS, validationTimeoutMillis: DEADLINE_MILLIS })
      const events = record(pool)
      await fill(pool, 3)
      await pass(2 * WINDOW_MILLIS)
      pool.network.blackhole()
      const { failed, worstMillis } = await burst(pool, 9)
      expect(failed).toBe(0)
      // In a row, three deadlines would pass; one and a half are the promise, and the rest is for a busy machine.
      expect(worstMillis).toBeLessThan(2.5 * DEADLINE_MILLIS)
      await until('only living sockets are left', () => pool.network.openConnections === pool.keeper.stats().idle)
      expect(events.filter(({ type }) => type === 'generationBumped')).toHaveLength(1)
    },

    'a pool that knows its usual round trip waits for no deadline': async ({ expect, open }) => {
      const deadline = 3_000
      const pool = await open({ validateAfterIdleMillis: WINDOW_MILLIS, validationTimeoutMillis: deadline })
      for (let visit = 0; visit < 2; visit++) {
        await fill(pool, 3)
        await pass(2 * WINDOW_MILLIS)
      }
      expect(pool.keeper.stats().validations.ok).toBe(3)
      pool.network.blackhole()
      const { failed, worstMillis } = await burst(pool, 9)
      expect(failed).toBe(0)
      expect(worstMillis).toBeLessThan(deadline / 3)
    },

    'the next callers notice nothing': async ({ expect, open }) => {
      const pool = await open({ validateAfterIdleMillis: WINDOW_MILLIS, validationTimeoutMillis: DEADLINE_MILLIS })
      await fill(pool, 3)
      await pass(2 * WINDOW_MILLIS)
      pool.network.blackhole()
      await burst(pool, 3)
      await until('the silent ones are condemned', () => pool.keeper.stats().validating === 0)
      const { failed, worstMillis } = await burst(pool, 9)
      expect(failed).toBe(0)
      expect(worstMillis).toBeLessThan(DEADLINE_MILLIS)
    },
  },
}
