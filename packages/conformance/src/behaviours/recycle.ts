import type { Behaviour } from '../behaviour.ts'
import { burst, fill, largestDuring, serverIds, until } from '../waiting.ts'

export const recycle: Behaviour = {
  promise: 'recycling replaces every connection, idle ones now and busy ones on their return, while callers are served',
  proves: ['P-132'],
  needs: ['server', 'replacement'],
  tests: {
    'with one in use': async ({ expect, open }) => {
      const pool = await open({ max: 3 })
      const ids = await fill(pool, 3)
      const held = await pool.acquire()
      let isOver = false
      const recycling = pool.keeper.recycle().then(() => (isOver = true))
      const idleAreReplaced = until('the idle ones are replaced', async () => {
        const now = await serverIds(pool)
        return ids.filter((id) => now.includes(id)).length === 1
      })
      const most = await largestDuring(
        async () => (await serverIds(pool)).length,
        Promise.all([idleAreReplaced, burst(pool, 10).then(({ failed }) => expect(failed).toBe(0))]),
      )
      expect(most).toBeLessThanOrEqual(4)
      expect(isOver).toBe(false)
      expect(ids).toContain(held.id)
      await held.query()
      await held.release()
      await recycling
      // A server may list what the client has closed for a moment longer.
      const areGone = async (): Promise<boolean> => !(await serverIds(pool)).some((id) => ids.includes(id))
      await until('the old ones are gone', areGone, 500)
      const { overflow, recycle: recycled } = pool.keeper.stats().closes
      expect(recycled + overflow).toBeGreaterThanOrEqual(3)
    },

    'an empty pool is done at once': async ({ expect, open }) => {
      const pool = await open()
      await pool.keeper.recycle()
      expect(pool.keeper.stats()).toMatchObject({ idle: 0, opens: { ok: 0 } })
    },
  },
}
