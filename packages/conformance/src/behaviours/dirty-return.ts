import type { Behaviour } from '../behaviour.ts'
import { failure, nextEvent, timed, until } from '../waiting.ts'

export const dirtyReturn: Behaviour = {
  promise: 'what comes back in an open or failed transaction is cleaned before anybody else gets it, or closed',
  proves: ['P-120', 'P-121', 'P-122', 'P-123'],
  needs: ['server', 'network', 'transactions'],
  tests: {
    'an open one is rolled back, and the connection is kept': async ({ expect, open }) => {
      const pool = await open({ max: 2 })
      const told = nextEvent(pool, 'dirtyReturn')
      const first = await pool.acquire()
      await first.begin()
      expect(await first.isInTransaction()).toBe(true)
      await first.release()
      expect(await told).toMatchObject({ status: 'open' })
      await until('it is clean', () => pool.keeper.stats().idle === 1)
      const second = await pool.acquire()
      expect(second.id).toBe(first.id)
      expect(await second.isInTransaction()).toBe(false)
      await second.release()
    },

    'a failed one as well': async ({ expect, open }) => {
      const pool = await open({ max: 2 })
      const told = nextEvent(pool, 'dirtyReturn')
      const lease = await pool.acquire()
      await lease.begin()
      await lease.failingQuery()
      await lease.release()
      // Where a failed statement leaves its transaction as it was, there is no other word for it.
      const { status } = await told
      expect(status === 'failed' || status === 'open').toBe(true)
      await pool.query()
      expect(pool.keeper.stats().closes.dirty).toBe(0)
    },

    'before it is handed over to who waits': async ({ expect, open }) => {
      for (const onReturn of ['check', 'reset'] as const) {
        const pool = await open({ max: 2, onReturn })
        const [first, second] = [await pool.acquire(), await pool.acquire()]
        const waiting = pool.acquire()
        await until('the third waits', () => pool.keeper.stats().pending === 1)
        await first.begin()
        await first.release()
        const third = await waiting
        expect(await third.isInTransaction()).toBe(false)
        await third.release()
        await second.release()
      }
    },

    'a BEGIN that dies with its connection frees the slot': async ({ open }) => {
      const pool = await open({ max: 1 })
      const lease = await pool.acquire()
      await pool.server.kill()
      await failure(lease.begin())
      await lease.release()
      await pool.query()
    },

    'a reset that gets no answer costs the connection, and frees the slot': async ({ expect, open }) => {
      const pool = await open({ max: 1, onReturn: 'reset', validationTimeoutMillis: 200 })
      const lease = await pool.acquire()
      pool.network.blackhole()
      await lease.release()
      const { millis } = await timed(pool.query())
      expect(millis).toBeLessThan(2_000)
      expect(pool.keeper.stats().closes.resetFailed).toBe(1)
    },
  },
}
