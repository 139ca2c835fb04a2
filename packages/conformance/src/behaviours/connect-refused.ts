import { findPoolkeeperError } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { acquireMany, failure, fill, releaseAll, timed } from '../waiting.ts'

export const connectRefused: Behaviour = {
  promise: "a connect that fails is the answer, at once and in the driver's own words, and gives its place back",
  proves: ['P-102', 'P-108'],
  needs: ['server', 'network'],
  tests: {
    'ten times in a row, and then the pool is whole': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 3 })
      await fill(pool, 3)
      pool.network.refuse()
      pool.network.cut()
      // What has died is no answer to a connect.
      await pool.keeper.evictIdle()
      for (let attempt = 0; attempt < 10; attempt++) {
        const { value: error, millis } = await timed(failure(pool.query()))
        expect(millis).toBeLessThan(2_000)
        expect(findPoolkeeperError(error)).toBe(undefined)
      }
      pool.network.heal()
      await releaseAll(await acquireMany(pool, 3))
      expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 3, opening: 0, pending: 0 })
      await untilOpen(pool, 3)
    },
  },
}
