import { findPoolkeeperError } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { acquireMany, failure, pass, releaseAll, timed, until } from '../waiting.ts'

const DEADLINE_MILLIS = 500

export const connectFrozen: Behaviour = {
  promise: 'connects that nobody answers leave no caller waiting beyond his deadline, and no gap in the pool',
  proves: ['P-013', 'P-021', 'P-023'],
  needs: ['server', 'network'],
  tests: {
    'every waiter has an answer by his deadline': async ({ expect, harness, open }) => {
      const pool = await open({ acquireTimeoutMillis: DEADLINE_MILLIS, validationTimeoutMillis: 200 })
      pool.network.blackhole({ newConnections: true })
      const answers = await Promise.all(Array.from({ length: 5 }, () => timed(() => failure(pool.acquire()))))
      for (const { value: error, millis } of answers) {
        expect(harness.isTimeout(error)).toBe(true)
        expect(findPoolkeeperError(error)?.code).toBe('CONNECT_FAILED')
        expect(millis).toBeGreaterThanOrEqual(DEADLINE_MILLIS - 20)
        expect(millis).toBeLessThan(DEADLINE_MILLIS + 2_000)
      }
      expect(pool.keeper.stats()).toMatchObject({ pending: 0, acquires: { timedOut: 5 } })
    },

    'when the network returns, the pool is whole within a second and a connect': async ({ expect, open }) => {
      const pool = await open({ max: 3 })
      pool.network.blackhole({ newConnections: true })
      const waiting = acquireMany(pool, 3)
      await pass(1_200)
      pool.network.heal()
      const { value: leases, millis } = await timed(waiting)
      expect(millis).toBeLessThan(2_500)
      for (const lease of leases) await lease.query()
      await releaseAll(leases)
      await until('nothing is left of the swallowed attempts', () => pool.network.openConnections === 3)
      expect(pool.keeper.stats()).toMatchObject({ idle: 3, opening: 0, acquires: { ok: 3, timedOut: 0 } })
    },

    'a connect that hangs does not hold up those after it': async ({ expect, open }) => {
      const pool = await open({ max: 2 })
      pool.network.blackhole({ newConnections: true })
      const first = pool.acquire()
      await until('the first attempt is under way', () => pool.network.openConnections === 1)
      pool.network.heal()
      const second = pool.acquire()
      const { value: served, millis } = await timed(Promise.race([first, second]))
      expect(millis).toBeLessThan(2_500)
      await served.query()
      await served.release()
      await releaseAll(await Promise.all([first, second]).then((leases) => leases.filter((lease) => lease !== served)))
      await releaseAll(await acquireMany(pool, 2))
      expect(pool.keeper.stats()).toMatchObject({ used: 0, pending: 0 })
    },
  },
}
