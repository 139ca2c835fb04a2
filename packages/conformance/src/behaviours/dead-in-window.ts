import type { Behaviour } from '../behaviour.ts'
import { burst, failure, fill, until } from '../waiting.ts'

const NEVER_ASK_MILLIS = 60_000

export const deadInWindow: Behaviour = {
  promise: 'inside the window a death costs at most one error a connection',
  proves: ['P-129'],
  needs: ['server'],
  tests: {
    'killed between two turns of the event loop': async ({ expect, open }) => {
      const pool = await open({ validateAfterIdleMillis: NEVER_ASK_MILLIS })
      await fill(pool, 3)
      pool.server.killUnseen()
      const { failed } = await burst(pool, 12)
      expect(failed).toBeLessThanOrEqual(3)
      expect(await burst(pool, 12)).toMatchObject({ failed: 0 })
    },

    'one death makes the others prove themselves': async ({ expect, open }) => {
      const pool = await open({ validateAfterIdleMillis: NEVER_ASK_MILLIS })
      await fill(pool, 3)
      pool.server.killUnseen()
      const lease = await pool.acquire()
      await failure(lease.query())
      await lease.release()
      expect(await burst(pool, 6)).toMatchObject({ failed: 0 })
      expect(pool.keeper.stats().generation).toBe(1)
    },

    'a dead one that comes back is not lent again': async ({ expect, open }) => {
      const pool = await open({ validateAfterIdleMillis: NEVER_ASK_MILLIS })
      const lease = await pool.acquire()
      await pool.server.kill()
      await failure(lease.query())
      await lease.release()
      const next = await pool.acquire()
      expect(next.id).not.toBe(lease.id)
      await next.query()
      await next.release()
      expect(pool.keeper.stats().closes.fatal).toBe(1)
    },

    'a statement that failed costs no connection': async ({ expect, open }) => {
      const pool = await open({ validateAfterIdleMillis: NEVER_ASK_MILLIS })
      const lease = await pool.acquire()
      await lease.failingQuery()
      await lease.release()
      // Its holder may have the error before the server has said that it is ready for more.
      await until('it is free', () => pool.keeper.stats().used === 0)
      const next = await pool.acquire()
      expect(next.id).toBe(lease.id)
      await next.release()
      await until('nobody holds it', () => pool.keeper.stats().used === 0)
      expect(Object.values(pool.keeper.stats().closes).filter((count) => count > 0)).toEqual([])
    },
  },
}
