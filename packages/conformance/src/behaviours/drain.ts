import { findPoolkeeperError } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { failure, fill, record, timed, until, within } from '../waiting.ts'

export const drain: Behaviour = {
  promise: 'draining ends a pool at its own pace: in use until it comes back, then closed, and refused afterwards',
  proves: ['P-038', 'P-160'],
  needs: [],
  tests: {
    'of an idle pool': async ({ expect, open, untilOpen }) => {
      const pool = await open()
      const events = record(pool)
      await fill(pool, 1)
      const report = await pool.keeper.drain()
      expect(report).toMatchObject({ clean: true, rejectedWaiters: 0, blockers: [] })
      await untilOpen(pool, 0)
      expect(pool.keeper.stats().closes.drain).toBe(1)
      const types = events.map(({ type }) => type)
      expect([types.includes('draining'), types.at(-1)]).toEqual([true, 'drained'])

      const { value: error, millis } = await timed(failure(pool.acquire()))
      expect(findPoolkeeperError(error)?.code).toBe('DRAINING')
      expect(millis).toBeLessThan(2_000)
      expect(pool.keeper.stats().acquires.refused).toBe(1)
    },

    'of a busy one': async ({ expect, open, untilOpen }) => {
      const pool = await open()
      const lease = await pool.acquire()
      const draining = pool.keeper.drain({ timeoutMillis: 5_000 })
      expect(pool.keeper.drain()).toBe(draining)
      await lease.query()
      await lease.release()
      expect(await within(2_000, 'the drain', draining)).toMatchObject({ clean: true, blockers: [] })
      await untilOpen(pool, 0)
    },

    'that serves who waits already': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 1 })
      const held = await pool.acquire()
      const served = Promise.all([pool.query(), pool.query()])
      await until('both wait', () => pool.keeper.stats().pending === 2)
      const draining = pool.keeper.drain({ timeoutMillis: 5_000, waiters: 'finish' })
      await held.release()
      await served
      expect(await within(2_000, 'the drain', draining)).toMatchObject({ clean: true, rejectedWaiters: 0 })
      await untilOpen(pool, 0)
    },
  },
}
