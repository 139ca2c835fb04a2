import type { Behaviour } from '../behaviour.ts'
import { fill, record, until } from '../waiting.ts'

export const diedLent: Behaviour = {
  promise: 'a connection that dies in the hands of a caller frees its place, though nobody gives it back',
  proves: ['P-121', 'P-129'],
  needs: ['server', 'network', 'replacement'],
  tests: {
    'the next caller is served, and a late release is nothing': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 1 })
      const lost = await pool.acquire()
      await pool.server.kill()
      const next = await pool.acquire()
      const events = record(pool)
      await lost.release()
      expect(events).toEqual([])
      expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 0, closes: { fatal: 1 }, useMillis: { count: 1 } })
      await next.query()
      await next.release()
      await untilOpen(pool, 1)
    },

    'a statement under way gets its own error first': async ({ expect, open }) => {
      const pool = await open({ max: 1 })
      const lost = await pool.acquire()
      pool.network.delay(100)
      const answer = lost.query().then(
        () => 'answered',
        () => 'failed',
      )
      pool.network.cut()
      expect(await answer).toBe('failed')
      pool.network.heal()
      await until('its place is free', () => pool.keeper.stats().used === 0)
      await fill(pool, 1)
    },
  },
}
