import type { Behaviour } from '../behaviour.ts'
import { nextEvent } from '../waiting.ts'

export const maxUses: Behaviour = {
  promise: 'a connection is lent `maxUses` times, and closed on its last return',
  proves: ['P-075', 'P-076'],
  needs: ['replacement'],
  tests: {
    'the next caller gets a fresh one': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 1, maxUses: 2 })
      const ids: number[] = []
      const closed = nextEvent(pool, 'closed')
      for (let use = 0; use < 3; use++) {
        const lease = await pool.acquire()
        await lease.query()
        ids.push(lease.id)
        await lease.release()
      }
      expect(ids[1]).toBe(ids[0])
      expect(ids[2] === ids[1]).toBe(false)
      expect(await closed).toMatchObject({ reason: 'maxUses', uses: 2 })
      await untilOpen(pool, 1)
    },

    'one use, one connection, and a queue': async ({ expect, open }) => {
      const pool = await open({ max: 1, maxUses: 1, replaceAhead: 0 })
      await Promise.all(Array.from({ length: 5 }, () => pool.query()))
      expect(pool.keeper.stats()).toMatchObject({ acquires: { ok: 5 }, opens: { ok: 5 } })
    },
  },
}
