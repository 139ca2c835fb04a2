import type { Behaviour } from '../behaviour.ts'
import { acquireMany, releaseAll } from '../waiting.ts'

export const reuse: Behaviour = {
  promise: 'a connection that came back is lent again',
  proves: [],
  needs: [],
  tests: {
    'the same one, to one caller after another': async ({ expect, open, untilOpen }) => {
      const pool = await open()
      const first = await pool.acquire()
      await first.query()
      await first.release()
      for (let caller = 0; caller < 3; caller++) {
        const next = await pool.acquire()
        expect(next.id).toBe(first.id)
        await next.query()
        await next.release()
      }
      expect(pool.keeper.stats().opens).toEqual({ ok: 1, failed: 0 })
      await untilOpen(pool, 1)
    },

    'the one that was used last comes first': async ({ expect, open }) => {
      const pool = await open()
      const [one, two] = await acquireMany(pool, 2)
      await releaseAll([two, one].filter((lease) => lease !== undefined))
      const next = await pool.acquire()
      expect(next.id).toBe(one?.id)
      await next.release()
    },
  },
}
