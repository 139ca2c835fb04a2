import { isPoolkeeperError } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { acquireMany, burst, fill, record, releaseAll } from '../waiting.ts'

export const detach: Behaviour = {
  promise: 'detaching gives the pool back as it was found, working, with its connections',
  proves: ['P-089'],
  needs: [],
  tests: {
    'own properties, methods, limits and listeners': async ({ expect, openBare }) => {
      const pool = await openBare()
      await pool.query()
      const before = pool.traces()
      const keeper = pool.apply({ acquireTimeoutMillis: 1_234, validationTimeoutMillis: 100 })
      await pool.query()
      keeper.detach()
      expect(pool.traces()).toEqual(before)
      await pool.query()
    },

    'nothing is counted, told or asked any more': async ({ expect, open }) => {
      const pool = await open({ max: 2 })
      const ids = await fill(pool, 2)
      pool.keeper.detach()
      const events = record(pool)
      const before = pool.keeper.stats().acquires
      const leases = await acquireMany(pool, 2)
      for (const lease of leases) await lease.query()
      await releaseAll(leases)
      expect(leases.map(({ id }) => id).sort()).toEqual(ids.sort())
      expect(events).toEqual([])
      expect(pool.keeper.stats().acquires).toEqual(before)
    },

    'while connections are in use': async ({ expect, open }) => {
      const pool = await open({ max: 2 })
      const [held] = await acquireMany(pool, 1)
      pool.keeper.detach()
      await held?.query()
      await held?.release()
      expect(await burst(pool, 4)).toMatchObject({ failed: 0 })
    },

    'and it can be attended again': async ({ expect, openBare }) => {
      const pool = await openBare()
      const first = pool.apply({})
      first.detach()
      let error: unknown
      try {
        pool.keeperOf()
      } catch (thrown) {
        error = thrown
      }
      expect(isPoolkeeperError(error) && error.code).toBe('NOT_APPLIED')
      const second = pool.apply({ name: 'another policy' })
      expect(second === first).toBe(false)
      await pool.query()
      expect(second.stats().acquires.ok).toBe(1)
    },
  },
}
