import type { Behaviour } from '../behaviour.ts'
import { failure, record, untilServerHas } from '../waiting.ts'

export const connectLate: Behaviour = {
  promise: 'what arrives after the connect timeout is closed, once, and takes no place',
  proves: ['P-104'],
  needs: ['server', 'network'],
  tests: {
    'a handshake slower than its deadline': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 1, connectTimeoutMillis: 250 })
      const events = record(pool)
      pool.network.delay(200)
      await failure(pool.acquire())
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 0, failed: 1 }, used: 0, pending: 0 })
      await untilServerHas(pool, 0)
      pool.network.delay(0)
      expect(events.filter(({ type }) => type === 'opened')).toHaveLength(0)
      await pool.query()
      await untilOpen(pool, 1)
    },
  },
}
