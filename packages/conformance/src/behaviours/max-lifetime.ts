import type { Behaviour } from '../behaviour.ts'
import { acquireMany, fill, largestDuring, nextEvent, record, serverIds, until } from '../waiting.ts'

/** The shortest that a policy takes. */
const LIFETIME_MILLIS = 1_000

export const maxLifetime: Behaviour = {
  promise: 'past its lifetime a connection is replaced before it is closed, and never in use',
  proves: ['P-070', 'P-071'],
  needs: ['server', 'replacement'],
  tests: {
    'idle ones without a borrower, the held one when it comes back': async ({ expect, open }) => {
      const pool = await open({ min: 3, max: 3, maxLifetimeMillis: LIFETIME_MILLIS, lifetimeSpread: 0 })
      const events = record(pool)
      const held = await pool.acquire()
      const idle = (await fill(pool, 2)).filter((id) => id !== held.id)
      const idleAreReplaced = until('the idle ones are replaced', async () => {
        const ids = await serverIds(pool)
        return !idle.some((id) => ids.includes(id))
      })
      const most = await largestDuring(async () => (await serverIds(pool)).length, idleAreReplaced)
      expect(most).toBeLessThanOrEqual(4)

      await held.query()
      expect(await serverIds(pool)).toContain(held.id)
      const closed = nextEvent(pool, 'closed', ({ uses }) => uses === 1)
      await held.release()
      expect(await closed).toMatchObject({ reason: 'maxLifetime' })
      await until('it is gone', async () => !(await serverIds(pool)).includes(held.id))

      const { closes, acquires } = pool.keeper.stats()
      expect(closes.maxLifetime).toBeGreaterThanOrEqual(3)
      expect(acquires.ok).toBe(3)
      const firstClose = events.findIndex(({ type }) => type === 'closed')
      const openedBefore = events.slice(0, firstClose).filter(({ type }) => type === 'opened')
      expect(openedBefore.length).toBeGreaterThanOrEqual(1)
    },

    'of a pool filled in one burst, at most a quarter (and one) at one moment': async ({ expect, open }) => {
      const pool = await open({ min: 4, max: 4, maxLifetimeMillis: LIFETIME_MILLIS, lifetimeSpread: 0.1 })
      const leases = await acquireMany(pool, 4)
      for (const lease of leases) await lease.release()
      const ids = leases.map(({ id }) => id)
      let least = 4
      const allAreReplaced = until('all are replaced', async () => {
        const { idle, used, validating } = pool.keeper.stats()
        least = Math.min(least, idle + used + validating)
        const now = await serverIds(pool)
        return !ids.some((id) => now.includes(id))
      })
      const most = await largestDuring(async () => (await serverIds(pool)).length, allAreReplaced)
      expect(most).toBeLessThanOrEqual(5)
      expect(least).toBeGreaterThanOrEqual(4)
    },
  },
}
