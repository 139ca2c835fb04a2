import type { Behaviour } from '../behaviour.ts'
import { fill, pass, until } from '../waiting.ts'

const UTC = 'UTC'
const HOLD_MILLIS = 5
const BORROWERS = 8
const RESIZES = 3

export const sizing: Behaviour = {
  promise: 'the policy sizes the pool while it works, and no waiter is lost by it',
  proves: [],
  needs: ['replacement'],
  tests: {
    'a schedule holds from the start, in the place of the host’s own size': async ({ expect, open, untilOpen }) => {
      const pool = await open({ sizing: { schedule: [{ cron: '0 0 * * *', timeZone: UTC, min: 2, max: 2 }] } })
      await untilOpen(pool, 2)
      expect(pool.keeper.stats()).toMatchObject({ min: 2, max: 2 })
      expect(await fill(pool, 2)).toHaveLength(2)
    },

    'a schedule that resizes under load: everybody is served, and `max` is kept': async ({ expect, open }) => {
      const everySecond = [
        { cron: '*/2 * * * * *', timeZone: UTC, min: 0, max: 1 },
        { cron: '1-59/2 * * * * *', timeZone: UTC, min: 3, max: 3 },
      ]
      const pool = await open({ sizing: { schedule: everySecond, leadMillis: 0 } })
      let resizes = 0
      const unsubscribe = pool.keeper.subscribe(({ type }) => void (resizes += type === 'resized' ? 1 : 0))
      const borrow = async (): Promise<void> => {
        while (resizes < RESIZES) {
          const lease = await pool.acquire()
          await lease.query()
          await pass(HOLD_MILLIS)
          await lease.release()
        }
      }
      await Promise.all(Array.from({ length: BORROWERS }, borrow))
      unsubscribe()
      const { acquires } = pool.keeper.stats()
      expect(acquires).toMatchObject({ timedOut: 0, refused: 0, failed: 0, aborted: 0 })
      await until('nobody is waiting', () => pool.keeper.stats().pending === 0)
    },

    'a function that is asked while the pool is in use': async ({ expect, open, untilOpen }) => {
      let asked = 0
      const pool = await open({
        max: 3,
        sizing: ({ bounds }) => {
          asked++
          return { min: 2, max: bounds.max }
        },
      })
      await pool.query()
      await until('it was asked', () => asked > 0)
      await untilOpen(pool, 2)
      expect(pool.keeper.stats()).toMatchObject({ min: 2, max: 3 })
    },

    'by the load that is measured: what is in use is kept open': async ({ expect, open }) => {
      const pool = await open({ max: 3, sizing: { adaptive: true } })
      const held = await pool.acquire()
      await until('it is sized', () => pool.keeper.stats().min > 0)
      await held.release()
      expect(pool.keeper.stats().max).toBe(3)
    },
  },
}
