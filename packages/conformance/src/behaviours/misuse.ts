import type { Behaviour } from '../behaviour.ts'
import { acquireMany, record, releaseAll } from '../waiting.ts'

export const misuse: Behaviour = {
  promise: 'a second release, or that of something foreign, is told and changes nothing',
  proves: ['P-124', 'P-125'],
  needs: [],
  tests: {
    'released twice while it is idle': async ({ expect, open, untilOpen }) => {
      const pool = await open()
      const lease = await pool.acquire()
      await lease.release()
      const events = record(pool)
      await lease.release()
      expect(events).toMatchObject([{ type: 'misused', misuse: 'releasedTwice', connection: 1 }])
      expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 1, useMillis: { count: 1 } })
      await untilOpen(pool, 1)
    },

    'two callers never get the same one for it': async ({ expect, open }) => {
      const pool = await open({ max: 2 })
      record(pool)
      const lease = await pool.acquire()
      await lease.release()
      await lease.release()
      const [one, two] = await acquireMany(pool, 2)
      expect(one?.id === two?.id).toBe(false)
      await releaseAll([one, two].filter((next) => next !== undefined))
    },

    'something foreign': async ({ expect, open }) => {
      const pool = await open()
      await pool.query()
      const events = record(pool)
      pool.releaseForeign()
      expect(events).toMatchObject([{ type: 'misused', misuse: 'foreignRelease', connection: undefined }])
      expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 1, useMillis: { count: 1 } })
    },
  },
}
