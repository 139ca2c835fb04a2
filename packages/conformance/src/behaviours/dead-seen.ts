import { totalOf } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import type { KeptPool } from '../harness.ts'
import { burst, fill, until } from '../waiting.ts'

/** Closed as dead: told by the driver, or found out when the first death made the others prove themselves. */
function ofDeath({ keeper }: KeptPool): number {
  const { fatal, invalid, stale } = keeper.stats().closes
  return fatal + invalid + stale
}

export const deadSeen: Behaviour = {
  promise: 'idle connections whose death is noticed leave at once, and end no process',
  proves: ['P-050', 'P-136'],
  needs: ['server', 'network'],
  tests: {
    'killed by the server': async ({ expect, open, untilAgreed, untilOpen }) => {
      const pool = await open()
      const ids = await fill(pool, 3)
      await pool.server.kill()
      await untilOpen(pool, 0)
      expect(ofDeath(pool)).toBe(3)
      expect(await burst(pool, 6)).toMatchObject({ failed: 0 })
      const connections = await pool.server.connections()
      expect(connections.filter(({ id }) => ids.includes(id))).toHaveLength(0)
      await untilAgreed(pool)
    },

    'reset by the network': async ({ expect, open }) => {
      const pool = await open()
      await fill(pool, 3)
      pool.network.cut()
      await until('the pool has noticed', () => totalOf(pool.keeper.stats()) === 0)
      expect(ofDeath(pool)).toBe(3)
      expect(await burst(pool, 6)).toMatchObject({ failed: 0 })
    },
  },
}
