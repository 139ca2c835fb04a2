import { findPoolkeeperError, isPoolkeeperError } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { failure, timed } from '../waiting.ts'

const DEADLINE_MILLIS = 200

export const hostErrors: Behaviour = {
  promise: "the host's own error stays what it is, and carries ours as its cause; where it has none, ours is thrown",
  proves: ['P-020'],
  needs: [],
  tests: {
    'all connections are in use until the deadline': async ({ expect, harness, open }) => {
      const pool = await open({ max: 1, acquireTimeoutMillis: DEADLINE_MILLIS, validationTimeoutMillis: 100 })
      const held = await pool.acquire()
      const { value: error, millis } = await timed(() => failure(pool.acquire()))
      expect(harness.isTimeout(error)).toBe(true)
      expect(isPoolkeeperError(error)).toBe(harness.hasNoDeadline === true)
      const ours = findPoolkeeperError(error)
      expect(ours).toMatchObject({ code: 'POOL_EXHAUSTED', counts: { used: 1, idle: 0 } })
      // A keeper of several pools names the one that it was.
      expect(ours?.pool?.startsWith(pool.keeper.name)).toBe(true)
      expect(ours?.message.includes('1 used')).toBe(true)
      expect(millis).toBeGreaterThanOrEqual(DEADLINE_MILLIS - 20)
      expect(millis).toBeLessThan(DEADLINE_MILLIS + 2_000)
      expect(pool.keeper.stats()).toMatchObject({ pending: 0, acquires: { ok: 1, timedOut: 1 } })
      await held.release()
      await pool.query()
    },
  },
}
