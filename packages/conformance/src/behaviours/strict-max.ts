import { totalOf } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import type { KeptPool } from '../harness.ts'
import { burst, largestDuring, pass, serverIds } from '../waiting.ts'

const FAREWELL_MILLIS = 100

/**
 * The larger of what the pool counts and what the network sees: a driver may have said goodbye to the
 * network long before its socket is closed. What the network sees must last a moment, for it may
 * notice the new one before the end of the old.
 */
async function sockets({ keeper, network }: KeptPool): Promise<number> {
  const [counted, seen] = [totalOf(keeper.stats()), network.openConnections]
  await pass(FAREWELL_MILLIS / 5)
  return Math.max(counted, Math.min(seen, network.openConnections))
}

export const strictMax: Behaviour = {
  promise: 'there are never more than `max` connections, those being closed included',
  proves: ['P-001', 'P-002'],
  needs: ['server', 'network'],
  tests: {
    'many borrowers, as the server sees them': async ({ expect, open }) => {
      const pool = await open({ max: 3 })
      const borrowers = Array.from({ length: 20 }, async () => {
        const lease = await pool.acquire()
        await lease.query()
        await pass(20)
        await lease.release()
      })
      const most = await largestDuring(async () => (await serverIds(pool)).length, Promise.all(borrowers))
      expect(most).toBe(3)
      expect(pool.keeper.stats().opens.ok).toBe(3)
    },

    'a slow farewell holds its place': async ({ expect, open }) => {
      const pool = await open({ max: 1, replaceAhead: 0 })
      await burst(pool, 1)
      pool.network.delay(FAREWELL_MILLIS)
      const closing = pool.keeper.evictIdle()
      const next = pool.query()
      const most = await largestDuring(() => sockets(pool), Promise.all([closing, next]))
      expect(most).toBe(1)
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 2 }, closes: { idle: 1 } })
    },

    'of what is closed on its return as well': async ({ expect, open }) => {
      const pool = await open({ max: 1, maxUses: 1, replaceAhead: 0 })
      pool.network.delay(FAREWELL_MILLIS)
      const both = Promise.all([pool.query(), pool.query()])
      const most = await largestDuring(() => sockets(pool), both)
      expect(most).toBe(1)
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 2 } })
    },
  },
}
