import { isPoolkeeperError } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { acquireMany, failure, fill, releaseAll, within } from '../waiting.ts'

export const resize: Behaviour = {
  promise: 'the pool changes its size while it works: growth serves who waits, shrinkage interrupts nobody',
  proves: [],
  needs: ['resize'],
  tests: {
    'growth': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 1 })
      const held = await pool.acquire()
      const waiting = acquireMany(pool, 2)
      await pool.keeper.resize({ max: 3 })
      const leases = await within(3_000, 'the waiters', waiting)
      expect(pool.keeper.stats()).toMatchObject({ max: 3, used: 3 })
      await releaseAll([held, ...leases])
      await untilOpen(pool, 3)
    },

    'shrinkage': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 4 })
      const leases = await acquireMany(pool, 4)
      const [first, second, ...others] = leases
      await releaseAll(others)
      await pool.keeper.resize({ max: 1 })
      await untilOpen(pool, 2)
      await first?.query()
      await second?.query()
      await releaseAll([first, second].filter((lease) => lease !== undefined))
      await untilOpen(pool, 1)
      expect(pool.keeper.stats()).toMatchObject({ max: 1, idle: 1, closes: { shrink: 3 } })
      expect(await fill(pool, 1)).toHaveLength(1)
    },

    'a larger `min` is opened': async ({ open, untilOpen }) => {
      const pool = await open({ min: 0, max: 3 })
      await pool.keeper.resize({ min: 2 })
      await untilOpen(pool, 2)
    },

    'a size that cannot be is refused, and changes nothing': async ({ expect, open }) => {
      const pool = await open({ min: 0, max: 3 })
      const error = await failure(pool.keeper.resize({ min: 4 }))
      expect(isPoolkeeperError(error)).toBe(true)
      expect(error).toMatchObject({ code: 'INVALID_POLICY' })
      expect(pool.keeper.stats()).toMatchObject({ min: 0, max: 3 })
    },
  },
}
