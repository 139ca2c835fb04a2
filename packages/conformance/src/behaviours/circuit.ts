import { findPoolkeeperError } from '@poolkeeper/core'
import type { Behaviour, Trial } from '../behaviour.ts'
import type { KeptPool } from '../harness.ts'
import { acquireMany, failure, record, releaseAll, timed, until } from '../waiting.ts'

/** A pool whose circuit two failed connects have opened, with so many connections in their holders' hands. */
async function opened({ open }: Trial, held: number): Promise<{ pool: KeptPool; leases: Awaited<ReturnType<typeof acquireMany>> }> {
  const pool = await open({ circuit: 2, max: 3 })
  const leases = await acquireMany(pool, held)
  pool.network.refuse()
  for (let attempt = 0; attempt < 2; attempt++) await failure(pool.acquire())
  return { pool, leases }
}

export const circuit: Behaviour = {
  promise: 'an open circuit refuses at once, with the last cause, whom no living connection can serve; one probe heals it',
  proves: [],
  needs: ['server', 'network'],
  tests: {
    'who comes while it is open is refused at once': async (trial) => {
      const { expect } = trial
      const { pool } = await opened(trial, 0)
      expect(pool.keeper.health()).toMatchObject({ status: 'down' })
      const { failed } = pool.keeper.stats().opens
      let refused = 0
      for (let caller = 0; caller < 20; caller++) {
        const { value: error, millis } = await timed(failure(pool.acquire()))
        // The one who comes when the pause is over waits with the probe.
        const ours = findPoolkeeperError(error)
        expect(ours).toMatchObject({ code: 'CIRCUIT_OPEN' })
        expect(ours?.cause instanceof Error).toBe(true)
        if (millis < 20) refused++
      }
      expect(refused).toBeGreaterThanOrEqual(15)
      expect(pool.keeper.stats().opens.failed - failed).toBeLessThanOrEqual(20 - refused + 1)
    },

    'one probe closes it, and everybody is served': async (trial) => {
      const { expect } = trial
      const { pool } = await opened(trial, 0)
      const events = record(pool)
      pool.network.heal()
      await until('the circuit is closed', () => pool.keeper.stats().circuit === 'closed')
      const leases = await acquireMany(pool, 3)
      for (const lease of leases) await lease.query()
      await releaseAll(leases)
      expect(events.filter(({ type }) => type === 'circuitClosed')).toHaveLength(1)
      expect(pool.keeper.stats()).toMatchObject({ circuit: 'closed', idle: 3, opening: 0, pending: 0 })
    },

    'what lives is lent meanwhile': async (trial) => {
      const { expect } = trial
      const { pool, leases } = await opened(trial, 1)
      expect(pool.keeper.stats().circuit).not.toBe('closed')
      const waiting = pool.acquire()
      await until('somebody waits', () => pool.keeper.stats().pending === 1)
      await releaseAll(leases)
      const served = await waiting
      expect(served.id).toBe(leases[0]?.id)
      await served.query()
      await served.release()
      await pool.query()
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 1 }, acquires: { ok: 3 } })
    },
  },
}
