import { totalOf } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { pass, timed, until } from '../waiting.ts'

const WINDOW_MILLIS = 50
const DEADLINE_MILLIS = 300
/** Less than a farewell would be given to be answered. */
const DESTROYED_WITHIN_MILLIS = 500

export const checkDeadline: Behaviour = {
  promise: 'a check that hangs ends at its own deadline, the socket is destroyed, and the caller is served',
  proves: ['P-054', 'P-028'],
  needs: ['server', 'network'],
  tests: {
    'with no place for a rival': async ({ expect, open }) => {
      const pool = await open({
        max: 1,
        replaceAhead: 0,
        validateAfterIdleMillis: WINDOW_MILLIS,
        validationTimeoutMillis: DEADLINE_MILLIS,
      })
      const first = await pool.acquire()
      await first.release()
      await pass(2 * WINDOW_MILLIS)
      pool.network.blackhole()
      const { value: second, millis } = await timed(() => pool.acquire())
      expect(second.id).not.toBe(first.id)
      expect(millis).toBeGreaterThanOrEqual(DEADLINE_MILLIS - 20)
      expect(millis).toBeLessThan(5 * DEADLINE_MILLIS)
      expect(pool.keeper.stats()).toMatchObject({ used: 1, validations: { timedOut: 1 }, closes: { invalid: 1 } })
      await until('the dead socket is gone', () => pool.network.openConnections === 1, DESTROYED_WITHIN_MILLIS)
      await second.release()
    },

    'a caller whose own deadline passes first leaks nothing': async ({ expect, open }) => {
      const pool = await open({
        max: 1,
        replaceAhead: 0,
        acquireTimeoutMillis: DEADLINE_MILLIS,
        validateAfterIdleMillis: WINDOW_MILLIS,
        validationTimeoutMillis: DEADLINE_MILLIS,
      })
      await pool.query()
      await pass(2 * WINDOW_MILLIS)
      pool.network.blackhole()
      await pool.query().catch(() => {})
      await until('the check has ended', () => pool.keeper.stats().validating === 0)
      // A connect may take longer than so short a deadline.
      await until('it serves again', () =>
        pool.query().then(
          () => true,
          () => false,
        ),
      )
      expect(pool.keeper.stats()).toMatchObject({ used: 0, pending: 0 })
      expect(totalOf(pool.keeper.stats())).toBeLessThanOrEqual(1)
      await until('the dead socket is gone', () => pool.network.openConnections === 1, DESTROYED_WITHIN_MILLIS)
    },
  },
}
