import { findPoolkeeperError, type PoolkeeperErrorCode } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { failure, timed, until } from '../waiting.ts'

const DEADLINE_MILLIS = 300

export const drainBlocked: Behaviour = {
  promise: 'draining answers who waits at once, ends by its deadline, and says who was in the way',
  proves: ['P-160', 'P-161', 'P-162'],
  needs: ['server', 'network'],
  tests: {
    'by a caller that gives nothing back': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 1 })
      const held = await pool.acquire()
      let isDrained = false
      const waiting = Promise.all(
        [1, 2].map(async () => {
          const error = await failure(pool.acquire())
          return { code: findPoolkeeperError(error)?.code, isDrained }
        }),
      )
      const { value: report, millis } = await timed(pool.keeper.drain({ timeoutMillis: DEADLINE_MILLIS }))
      isDrained = true
      const atOnce = { code: 'DRAINING' satisfies PoolkeeperErrorCode, isDrained: false }
      expect(await waiting).toEqual([atOnce, atOnce])
      expect(report).toMatchObject({ clean: false, rejectedWaiters: 2, blockers: [{ connection: 1 }] })
      expect(report.blockers[0]?.heldMillis).toBeGreaterThanOrEqual(DEADLINE_MILLIS - 20)
      expect(millis).toBeLessThan(DEADLINE_MILLIS + 1_500)
      await untilOpen(pool, 0)
      await failure(held.query())
      await held.release()
      expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 0 })
    },

    'by connections that never answer': async ({ expect, open }) => {
      const pool = await open({ max: 2 })
      const lease = await pool.acquire()
      await pool.query()
      pool.network.blackhole()
      lease.query().catch(() => {})
      const { millis } = await timed(pool.keeper.drain({ timeoutMillis: DEADLINE_MILLIS }))
      expect(millis).toBeLessThan(DEADLINE_MILLIS + 2_500)
      await until('no socket is left', () => pool.network.openConnections === 0)
      await lease.release()
    },

    'by a connect under way': async ({ expect, open, untilOpen }) => {
      const pool = await open()
      pool.network.delay(1_500)
      const waiting = timed(failure(pool.acquire()))
      await until('the attempt is under way', () => pool.network.openConnections === 1)
      await pool.keeper.drain({ timeoutMillis: DEADLINE_MILLIS })
      const { value: error, millis } = await waiting
      expect(findPoolkeeperError(error)?.code).toBe('DRAINING' satisfies PoolkeeperErrorCode)
      expect(millis).toBeLessThan(1_300)
      await untilOpen(pool, 0)
      await until('no socket is left', () => pool.network.openConnections === 0)
    },
  },
}
