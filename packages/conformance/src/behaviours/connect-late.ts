import type { Behaviour } from '../behaviour.ts'
import { failure, record, until, untilServerHas } from '../waiting.ts'

/** At least, of a wire that needs one answer for it. */
const HANDSHAKE_MILLIS = 400

export const connectLate: Behaviour = {
  promise: 'what arrives after its waiter left serves the next one; after the connect timeout, it is closed',
  proves: ['P-026', 'P-104'],
  needs: ['server', 'network'],
  tests: {
    'a waiter whose deadline passed': async ({ expect, harness, open, untilOpen }) => {
      const pool = await open({ max: 1, acquireTimeoutMillis: 250, validationTimeoutMillis: 100 })
      pool.network.delay(HANDSHAKE_MILLIS)
      expect(harness.isTimeout(await failure(pool.acquire()))).toBe(true)
      await until('it has arrived', () => pool.keeper.stats().idle === 1)
      pool.network.delay(0)
      await pool.query()
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 1, failed: 0 }, acquires: { ok: 1, timedOut: 1 } })
      await untilOpen(pool, 1)
    },

    'a handshake slower than its deadline': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 1, connectTimeoutMillis: 250 })
      const events = record(pool)
      pool.network.delay(HANDSHAKE_MILLIS)
      await failure(pool.acquire())
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 0, failed: 1 }, used: 0, pending: 0 })
      await untilServerHas(pool, 0)
      pool.network.delay(0)
      expect(events.filter(({ type }) => type === 'opened')).toHaveLength(0)
      await pool.query()
      await untilOpen(pool, 1)
    },

    'a handshake that never comes takes its socket along at its deadline': async ({ expect, open }) => {
      const pool = await open({ max: 1, connectTimeoutMillis: 250 })
      pool.network.blackhole({ newConnections: true })
      await failure(pool.acquire())
      await until('the client holds no socket', () => pool.network.openConnections === 0)
      pool.network.heal()
      await pool.query()
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 1, failed: 1 }, opening: 0 })
    },
  },
}
