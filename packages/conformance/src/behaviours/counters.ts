import type { PoolEventType } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { burst, fill, pass, record, until } from '../waiting.ts'

export const counters: Behaviour = {
  promise: "at rest, counters and events agree with each other and with the server's own view",
  proves: ['P-170', 'P-171'],
  needs: ['server'],
  tests: {
    'after use, failed statements, kills and closes': async ({ expect, open, untilAgreed }) => {
      const pool = await open({ max: 3, validateAfterIdleMillis: 50 })
      const events = record(pool)
      await burst(pool, 10)
      const lease = await pool.acquire()
      await lease.failingQuery()
      await lease.release()
      // What is opened while the server kills would survive.
      await until('no connect is under way', () => pool.keeper.stats().opening === 0)
      await pool.server.kill()
      await until('the deaths are noticed', () => pool.keeper.stats().idle === 0)
      await fill(pool, 2)
      await pass(100)
      await burst(pool, 4)
      await pool.keeper.evictIdle()
      await burst(pool, 2)
      await until('the pool is at rest', () => {
        const { used, validating, opening, closing, pending } = pool.keeper.stats()
        return used + validating + opening + closing + pending === 0
      })

      const { acquires, closes, idle, opens, openMillis, useMillis, waitMillis } = pool.keeper.stats()
      await untilAgreed(pool)
      const closed = Object.values(closes).reduce((sum, count) => sum + count, 0)
      expect(opens.ok - closed).toBe(idle)
      expect(acquires).toEqual({ ok: 19, timedOut: 0, aborted: 0, refused: 0, failed: 0 })
      expect([waitMillis.count, useMillis.count, openMillis.count]).toEqual([19, 19, opens.ok])

      const told = (type: PoolEventType): number => events.filter((event) => event.type === type).length
      expect([told('acquired'), told('released')]).toEqual([19, 19])
      expect([told('opened'), told('closed'), told('retired')]).toEqual([opens.ok, closed, closed])
    },

    'each connection is opened, acquired, released, retired and closed in that order': async ({ expect, open }) => {
      const pool = await open({ max: 1 })
      const events = record(pool)
      await Promise.all([pool.query(), pool.query()])
      await pool.keeper.evictIdle()
      await until('the end is told', () => events.at(-1)?.type === 'closed')
      const types = events.map(({ type }) => type)
      expect(types).toEqual(['opened', 'acquired', 'released', 'acquired', 'released', 'retired', 'closed'])
    },
  },
}
