import { findPoolkeeperError } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { acquireMany, failure, pass, releaseAll, timed, until } from '../waiting.ts'

/** No pause is longer while somebody waits. */
const LONGEST_PAUSE_MILLIS = 500

export const connectRetry: Behaviour = {
  promise: 'with `createRetry`, a connect that fails is tried again until the caller is served, or his deadline is there',
  proves: ['P-023', 'P-024'],
  needs: ['server', 'network'],
  tests: {
    'an outage that ends within the deadline costs no request': async ({ expect, open, untilOpen }) => {
      const pool = await open({ createRetry: true, max: 3 })
      pool.network.refuse()
      const waiting = acquireMany(pool, 3)
      await until('several attempts have failed', () => pool.keeper.stats().opens.failed >= 4)
      pool.network.heal()
      const { value: leases, millis } = await timed(waiting)
      expect(millis).toBeLessThan(LONGEST_PAUSE_MILLIS + 1_000)
      for (const lease of leases) await lease.query()
      await releaseAll(leases)
      expect(pool.keeper.stats()).toMatchObject({ pending: 0, acquires: { ok: 3, failed: 0, timedOut: 0 } })
      await untilOpen(pool, 3)
    },

    'a connection that comes back serves who waits': async ({ expect, open }) => {
      const pool = await open({ createRetry: true, max: 3 })
      const lease = await pool.acquire()
      pool.network.refuse()
      const waiting = pool.acquire()
      await until('connecting for him has failed', () => pool.keeper.stats().opens.failed >= 2)
      await lease.release()
      const served = await waiting
      expect(served.id).toBe(lease.id)
      await served.query()
      await served.release()
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 1 }, acquires: { ok: 2, failed: 0, timedOut: 0 } })
    },

    'at the deadline, the last connect error is the cause': async ({ expect, harness, open }) => {
      const pool = await open({ createRetry: true, acquireTimeoutMillis: 700, validationTimeoutMillis: 200 })
      pool.network.refuse()
      const { value: error, millis } = await timed(() => failure(pool.acquire()))
      expect(harness.isTimeout(error)).toBe(true)
      expect(millis).toBeGreaterThanOrEqual(680)
      expect(findPoolkeeperError(error)?.code).toBe('CONNECT_FAILED')
      expect(findPoolkeeperError(error)?.cause instanceof Error).toBe(true)
      const { failed } = pool.keeper.stats().opens
      await pass(LONGEST_PAUSE_MILLIS + 200)
      expect(pool.keeper.stats()).toMatchObject({ pending: 0, opening: 0, opens: { failed }, acquires: { timedOut: 1 } })
    },
  },
}
