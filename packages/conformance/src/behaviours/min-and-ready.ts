import { isPoolkeeperError } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { burst, failure, until, untilServerHas } from '../waiting.ts'

/** Ahead of demand: long before the next round of upkeep would come by itself. */
const AHEAD_WITHIN_MILLIS = 500

export const minAndReady: Behaviour = {
  promise: 'a `min` that the policy names is opened ahead and refilled, and `ready()` waits for it',
  proves: ['P-004', 'P-100'],
  needs: ['server', 'network'],
  tests: {
    'without a borrower, also after a loss': async ({ expect, open }) => {
      const pool = await open({ min: 2 })
      await untilServerHas(pool, 2)
      await until('both are open', () => pool.keeper.stats().idle === 2)
      await pool.server.kill()
      await untilServerHas(pool, 2)
      expect(pool.keeper.stats().acquires.ok).toBe(0)
    },

    'what dies before it is ready is not taken in': async ({ expect, open, untilOpen }) => {
      const pool = await open({ min: 1, max: 2, validateAfterIdleMillis: 60_000 })
      pool.network.delay(150)
      await untilServerHas(pool, 1)
      await pool.server.kill()
      await until('the attempt has ended', () => pool.keeper.stats().opens.ok + pool.keeper.stats().opens.failed > 0)
      pool.network.delay(0)
      await untilOpen(pool, 1)
      expect(await burst(pool, 2)).toMatchObject({ failed: 0 })
    },

    '`minIdle` stays ahead of demand, up to `max`': async ({ expect, open }) => {
      const pool = await open({ min: 0, max: 3, minIdle: 1 })
      await untilServerHas(pool, 1)
      const first = await pool.acquire()
      await untilServerHas(pool, 2, AHEAD_WITHIN_MILLIS)
      const second = await pool.acquire()
      await untilServerHas(pool, 3, AHEAD_WITHIN_MILLIS)
      const third = await pool.acquire()
      expect(pool.keeper.stats()).toMatchObject({ used: 3, idle: 0, opening: 0 })
      for (const lease of [first, second, third]) await lease.release()
    },

    '`ready()` ends when it stands': async ({ expect, open }) => {
      const pool = await open({ min: 2 })
      await pool.keeper.ready()
      expect(pool.keeper.stats().idle).toBe(2)
      expect(await pool.server.connections()).toHaveLength(2)
    },

    'or says why it does not': async ({ expect, open }) => {
      const pool = await open({ min: 1 })
      pool.network.refuse()
      const error = await failure(pool.keeper.ready({ timeoutMillis: 300 }))
      expect(isPoolkeeperError(error)).toBe(true)
      expect(error).toMatchObject({ code: 'CONNECT_FAILED' })
      expect((error as Error).cause).toBeDefined()
    },
  },
}
